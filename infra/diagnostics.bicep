// What only the platform sees: calls that it refused before the app heard of them, and who read audit logs and journals
// past the app. Less of it is kept than comes in: transformations/ says what.
param functionAppName string
param storageAccountName string
param workspaceId string

resource app 'Microsoft.Web/sites@2025-03-01' existing = {
  name: functionAppName
}

resource account 'Microsoft.Storage/storageAccounts@2026-06-01' existing = {
  name: storageAccountName
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2026-06-01' existing = {
  parent: account
  name: 'default'
}

resource refusals 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: app
  name: 'refusals'
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        // The group, since a category that a hosting plan lacks fails the deployment, and Microsoft lists them for
        // Microsoft.Web/sites as a whole.
        categoryGroup: 'allLogs'
        enabled: true
      }
    ]
  }
}

resource reads 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: blobs
  name: 'reads'
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'StorageRead'
        enabled: true
      }
    ]
  }
}
