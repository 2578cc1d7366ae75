// The one secret there is: that of HENNGE's API client.
type Tags = {
  'azd-env-name': string
}

param name string
param location string
param tags Tags

@description('Who may read the secret.')
param readerPrincipalId string

@description('Workspace for the vault\'s audit log: who read the secret.')
param workspaceId string

@secure()
@description('Empty: the vault keeps the secret that it has.')
param henngeClientSecret string

param henngeClientExpiresOn string

var secretName = 'hennge-client-secret'
var keyVaultSecretsUser = '4633458b-17de-408a-b874-0445c86b69e6'

resource vault 'Microsoft.KeyVault/vaults@2026-05-15' = {
  name: name
  location: location
  tags: tags
  properties: {
    // checkov:skip=CKV_AZURE_109: App Service resolves references from addresses that no firewall rule of a vault can name.
    // checkov:skip=CKV_AZURE_189: As above; who may read is decided by role.
    tenantId: tenant().tenantId
    sku: {
      family: 'A'
      name: 'standard'
    }
    enableRbacAuthorization: true
    enableSoftDelete: true
    // Nobody can purge before the period ends; short, because the secret can be made anew in Access Control at any time.
    enablePurgeProtection: true
    softDeleteRetentionInDays: 7
    publicNetworkAccess: 'Enabled'
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: 'Allow'
    }
  }
}

module secret 'secret.bicep' = if (!empty(henngeClientSecret)) {
  name: 'secret'
  params: {
    vaultName: vault.name
    name: secretName
    henngeClientSecret: henngeClientSecret
    henngeClientExpiresOn: henngeClientExpiresOn
  }
}

resource reader 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: vault
  name: guid(vault.id, readerPrincipalId, keyVaultSecretsUser)
  properties: {
    description: 'Key Vault Secrets User'
    principalId: readerPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', keyVaultSecretsUser)
  }
}

resource auditLog 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: vault
  name: 'audit'
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'AuditEvent'
        enabled: true
      }
    ]
  }
}

// Without a version, so that a new secret is taken up within a day and no deployment.
output henngeClientSecretUri string = '${vault.properties.vaultUri}secrets/${secretName}'
