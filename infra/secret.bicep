// The secret of HENNGE's API client, written only when one is given: a deployment without it leaves what is there.
param vaultName string
param name string

@secure()
param henngeClientSecret string

@description('Date, yyyy-MM-dd. The alert does not rest on it, but on the app setting of the same date.')
param henngeClientExpiresOn string

resource vault 'Microsoft.KeyVault/vaults@2026-05-15' existing = {
  name: vaultName
}

resource secret 'Microsoft.KeyVault/vaults/secrets@2026-05-15' = {
  parent: vault
  name: name
  properties: {
    contentType: 'HENNGE Access Control, System, API Client'
    value: henngeClientSecret
    attributes: {
      enabled: true
      // Evaluated even where this is not deployed, and then there may be no date.
      exp: empty(henngeClientExpiresOn) ? null : dateTimeToEpoch('${henngeClientExpiresOn}T00:00:00Z')
    }
  }
}
