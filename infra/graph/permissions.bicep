// Microsoft Graph application permissions of the app's identity. Which feature needs which: permissions.json.
extension microsoftGraphV1

param identityPrincipalId string

var permissions = loadJsonContent('permissions.json')

resource graph 'Microsoft.Graph/servicePrincipals@v1.0' existing = {
  appId: '00000003-0000-0000-c000-000000000000'
}

resource grant 'Microsoft.Graph/appRoleAssignedTo@v1.0' = [for permission in permissions: {
  principalId: identityPrincipalId
  resourceId: graph.id
  appRoleId: filter(graph.appRoles, role => role.value == permission.name)[0].id
}]
