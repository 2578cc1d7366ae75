// State, queues and audit logs of the sync, and the packages that Flex Consumption deploys from.
type Tags = {
  'azd-env-name': string
}

param name string
param location string
param tags Tags

@allowed(['Standard_ZRS', 'Standard_LRS'])
param redundancy string

var containers = ['audit-logs', 'journal', 'links', 'locks', 'packages', 'snapshots', 'tenant']
var queues = ['sync-outbox', 'sync-outbox-poison', 'sync-runs', 'sync-runs-poison']
var tables = ['Domains', 'Runs']

resource account 'Microsoft.Storage/storageAccounts@2026-06-01' = {
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: redundancy }
  properties: {
    // checkov:skip=CKV_AZURE_35: Administrators' browsers fetch audit logs from here by links of 60 minutes, from anywhere.
    // checkov:skip=CKV_AZURE_59: As above; no container is public, and nothing is readable without an identity or such a link.
    // checkov:skip=CKV_AZURE_206: A copy in another region would outlive the 24 hours after which audit logs are gone.
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    // Everybody comes with an identity, or with a link that the app signed as itself.
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    publicNetworkAccess: 'Enabled'
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: 'Allow'
    }
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2026-06-01' = {
  parent: account
  name: 'default'
  properties: {
    // Soft delete and versions work on the whole account, and would keep expired audit logs readable.
    deleteRetentionPolicy: { enabled: false }
    containerDeleteRetentionPolicy: { enabled: false }
    isVersioningEnabled: false
  }
}

resource container 'Microsoft.Storage/storageAccounts/blobServices/containers@2026-06-01' = [for name in containers: {
  parent: blobs
  name: name
  properties: { publicAccess: 'None' }
}]

resource queueService 'Microsoft.Storage/storageAccounts/queueServices@2026-06-01' = {
  parent: account
  name: 'default'
}

resource queue 'Microsoft.Storage/storageAccounts/queueServices/queues@2026-06-01' = [for name in queues: {
  parent: queueService
  name: name
}]

resource tableService 'Microsoft.Storage/storageAccounts/tableServices@2026-06-01' = {
  parent: account
  name: 'default'
}

resource table 'Microsoft.Storage/storageAccounts/tableServices/tables@2026-06-01' = [for name in tables: {
  parent: tableService
  name: name
}]

resource lifecycle 'Microsoft.Storage/storageAccounts/managementPolicies@2026-06-01' = {
  parent: account
  name: 'default'
  properties: {
    policy: {
      rules: [
        {
          // Counted from creation: a dry run's log is overwritten, which starts its day anew; a sync's is appended to.
          name: 'audit-logs-after-1-day'
          type: 'Lifecycle'
          enabled: true
          definition: {
            filters: {
              blobTypes: ['blockBlob', 'appendBlob']
              prefixMatch: ['audit-logs/']
            }
            actions: {
              baseBlob: {
                delete: { daysAfterCreationGreaterThan: 1 }
              }
            }
          }
        }
        {
          // What undo needs; as long as Entra keeps a deleted user.
          name: 'journal-after-30-days'
          type: 'Lifecycle'
          enabled: true
          definition: {
            filters: {
              blobTypes: ['blockBlob', 'appendBlob']
              prefixMatch: ['journal/']
            }
            actions: {
              baseBlob: {
                delete: { daysAfterCreationGreaterThan: 30 }
              }
            }
          }
        }
        {
          // The app deletes those that were replaced. The newest stays where no run reads any more: eight days at most,
          // since a rule may be a day late.
          name: 'snapshots-after-7-days'
          type: 'Lifecycle'
          enabled: true
          definition: {
            filters: {
              blobTypes: ['blockBlob']
              prefixMatch: ['snapshots/']
            }
            actions: {
              baseBlob: {
                delete: { daysAfterCreationGreaterThan: 7 }
              }
            }
          }
        }
      ]
    }
  }
}

output name string = account.name
output packageContainerUrl string = '${account.properties.primaryEndpoints.blob}packages'
