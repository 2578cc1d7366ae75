// The app registration that people and programs sign in to. It has no secret: the app's identity vouches for it.
extension microsoftGraphV1

param identityPrincipalId string
param hostName string
param administratorId string

var roles = loadJsonContent('roles.json')

resource registration 'Microsoft.Graph/applications@v1.0' = {
  uniqueName: hostName
  displayName: 'HENNGE to Entra user sync (${hostName})'
  signInAudience: 'AzureADMyOrg'
  api: { requestedAccessTokenVersion: 2 }
  appRoles: [for role in roles: {
    id: role.id
    value: role.value
    displayName: role.displayName
    description: role.description
    isEnabled: true
    allowedMemberTypes: ['User', 'Application']
  }]
  web: {
    redirectUris: ['https://${hostName}/.auth/login/aad/callback']
    implicitGrantSettings: { enableIdTokenIssuance: true }
  }
}

resource credential 'Microsoft.Graph/applications/federatedIdentityCredentials@v1.0' = {
  name: '${registration.uniqueName}/function-app'
  description: 'The managed identity of the function app'
  issuer: '${environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'
  subject: identityPrincipalId
  audiences: ['api://AzureADTokenExchange']
}

resource servicePrincipal 'Microsoft.Graph/servicePrincipals@v1.0' = {
  appId: registration.appId
  // Entra issues tokens only to those who were given a role.
  appRoleAssignmentRequired: true
}

resource graph 'Microsoft.Graph/servicePrincipals@v1.0' existing = {
  appId: '00000003-0000-0000-c000-000000000000'
}

// Where assignment is required, nobody can consent for themselves, not even to signing in.
resource consent 'Microsoft.Graph/oauth2PermissionGrants@v1.0' = {
  clientId: servicePrincipal.id
  consentType: 'AllPrincipals'
  resourceId: graph.id
  scope: 'openid profile email'
}

resource administrator 'Microsoft.Graph/appRoleAssignedTo@v1.0' = if (!empty(administratorId)) {
  principalId: administratorId
  resourceId: servicePrincipal.id
  appRoleId: filter(roles, role => role.value == 'Sync.Administrator')[0].id
}

output clientId string = registration.appId
