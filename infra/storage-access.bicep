// What the app's identity may do in its storage account: data only, never the account itself.
param storageAccountName string
param principalId string

var roles = [
  {
    // Functions keeps host locks, keys and packages in blobs and asks for this role; it holds audit logs, locks, links too.
    name: 'Storage Blob Data Owner'
    id: 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'
  }
  {
    // Signs download links. Contained in the role above; named, so that narrowing that one does not break links.
    name: 'Storage Blob Delegator'
    id: 'db58b8e5-c6ad-4a2a-8342-4190687cbf4a'
  }
  {
    // Sends and takes the messages of sync-runs and sync-outbox; the host moves failed ones to the poison queue.
    name: 'Storage Queue Data Contributor'
    id: '974c5e8b-45b9-4653-ba55-5f855dd0fb88'
  }
  {
    // Domains, Runs, and the host's diagnostic events.
    name: 'Storage Table Data Contributor'
    id: '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3'
  }
]

resource account 'Microsoft.Storage/storageAccounts@2026-06-01' existing = {
  name: storageAccountName
}

resource assignment 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for role in roles: {
  scope: account
  name: guid(account.id, principalId, role.id)
  properties: {
    description: role.name
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', role.id)
  }
}]
