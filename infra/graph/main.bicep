// The Microsoft Entra ID half, for whoever may grant it: what the app may do there, and who may sign in to the app.
// Where this extension is not allowed, grant.py does the same.
targetScope = 'resourceGroup'

@description('IDENTITY_PRINCIPAL_ID of the Azure half.')
param identityPrincipalId string

@description('HOST_NAME of the Azure half. Given: makes the app registration for sign-in as well.')
param hostName string = ''

@description('Object id of the user or group that gets Sync.Administrator; empty: nobody yet.')
param administratorId string = ''

module permissions 'permissions.bicep' = {
  name: 'sync-permissions'
  params: {
    identityPrincipalId: identityPrincipalId
  }
}

module signIn 'sign-in.bicep' = if (!empty(hostName)) {
  name: 'sync-sign-in'
  params: {
    identityPrincipalId: identityPrincipalId
    hostName: hostName
    administratorId: administratorId
  }
}

output SIGN_IN_CLIENT_ID string = empty(hostName) ? '' : signIn!.outputs.clientId
