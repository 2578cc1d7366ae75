// App Service authentication in front of the app: nobody without a token of this tenant gets as far as the code.
param functionAppName string

@description('Client id of the app registration that graph/ makes. Empty: authentication off, function keys instead.')
param clientId string

var on = !empty(clientId)

resource app 'Microsoft.Web/sites@2025-03-01' existing = {
  name: functionAppName
}

resource authentication 'Microsoft.Web/sites/config@2025-03-01' = {
  parent: app
  name: 'authsettingsV2'
  properties: {
    // These look for properties of the configuration named web, which this is not.
    // checkov:skip=CKV_AZURE_13: This resource is the authentication that it asks for.
    // checkov:skip=CKV_AZURE_63: HTTP logging is no property of authsettingsV2; requests are in Application Insights.
    // checkov:skip=CKV_AZURE_65: Nor are error pages; the app's own errors are problem+json.
    // checkov:skip=CKV_AZURE_66: Nor is request tracing; see above.
    // checkov:skip=CKV_AZURE_80: Nor is a .NET version; the app is in Python.
    // checkov:skip=CKV_AZURE_88: Nor is a file share; instances keep nothing.
    // checkov:skip=CKV_AZURE_222: Nor is public access; see app.bicep.
    platform: { enabled: on }
    globalValidation: {
      requireAuthentication: on
      // Health is for everybody, and the only path left out: where authentication does not run, a caller's own
      // principal header reaches the app, and health is the one endpoint that never looks at it.
      excludedPaths: ['/api/health']
      // Sends a browser to sign in, so that the console opens; callers without one are refused.
      unauthenticatedClientAction: 'RedirectToLoginPage'
      redirectToProvider: 'azureactivedirectory'
    }
    httpSettings: { requireHttps: true }
    identityProviders: {
      azureActiveDirectory: {
        enabled: on
        registration: {
          clientId: clientId
          clientSecretSettingName: 'OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID'
          openIdIssuer: '${environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'
        }
        validation: {
          allowedAudiences: [clientId]
        }
      }
    }
    // The app calls nobody on the signed-in person's behalf, so their tokens are not kept.
    login: {
      tokenStore: { enabled: false }
    }
  }
}
