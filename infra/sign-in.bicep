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
      // Left out is what asks for no role and never looks at a caller: where authentication does not run, a caller's
      // own principal header reaches the app. The page itself is there, so that it can offer to sign in.
      excludedPaths: ['/api/health', '/api/console', '/api/console/*']
      // A script that is redirected to a page of another site can't tell that from a lost connection.
      unauthenticatedClientAction: 'Return401'
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
