// The one identity the app has: for storage, secrets, telemetry and Microsoft Graph. There is no key to leak.
type Tags = {
  'azd-env-name': string
}

param name string
param location string
param tags Tags

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: name
  location: location
  tags: tags
}

output id string = identity.id
output clientId string = identity.properties.clientId
output principalId string = identity.properties.principalId
