// The function app on Flex Consumption: as many instances as the queue asks for, and none while nothing runs.
type Tags = {
  'azd-env-name': string
}

param name string
param planName string
param location string
param tags Tags

param identityId string
param identityClientId string
param storageAccountName string

@description('Blob container that the platform takes the app\'s package from.')
param packageContainerUrl string

param applicationInsightsConnectionString string
param henngeClientSecretUri string

param pythonVersion string
param instanceMemoryMB int
param maximumInstanceCount int
param httpConcurrency int
param alwaysReadyInstances int
param alwaysReadyTimer int

param source string
param henngeClientId string
param henngeClientExpiresOn string
param henngeTokenUrl string
param henngeApiUrl string
param csvPath string
param syncSchedule string
param graphBaseUrl string
param attributeMap string
param signIn string
param usageLocation string
param protectedUsers string
param foreignDomains string
param language string
param upnFrom string
param requireDeletionChecks bool
param restoreDeletedUsers bool
param historyDays int
param historyValues bool
param batchesInFlight int
param timeBudgetSeconds int
param authMode string
param approvals string
param read string

// To the app an empty setting is as good as none, so its defaults stand in shared/settings.py alone.
var settings = {
  AzureWebJobsStorage__accountName: storageAccountName
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__clientId: identityClientId
  SYNC_SCHEDULE: syncSchedule
  SOURCE: source
  HENNGE_CLIENT_ID: henngeClientId
  // With another source the vault may be empty, and the app refuses a reference that leads nowhere.
  HENNGE_CLIENT_SECRET: source == 'hennge' ? '@Microsoft.KeyVault(SecretUri=${henngeClientSecretUri})' : ''
  HENNGE_SECRET_EXPIRES_ON: henngeClientExpiresOn
  HENNGE_TOKEN_URL: henngeTokenUrl
  HENNGE_API_URL: henngeApiUrl
  CSV_PATH: csvPath
  GRAPH_BASE_URL: graphBaseUrl
  ATTRIBUTE_MAP: attributeMap
  SIGN_IN: signIn
  USAGE_LOCATION: usageLocation
  PROTECTED_USERS: protectedUsers
  FOREIGN_DOMAINS: foreignDomains
  LANGUAGE: language
  UPN_FROM: upnFrom
  REQUIRE_DELETION_CHECKS: requireDeletionChecks ? 'true' : 'false'
  RESTORE_DELETED_USERS: restoreDeletedUsers ? 'true' : 'false'
  HISTORY_DAYS: string(historyDays)
  HISTORY_VALUES: historyValues ? 'true' : 'false'
  BATCHES_IN_FLIGHT: string(batchesInFlight)
  TIME_BUDGET_SECONDS: string(timeBudgetSeconds)
  AUTH_MODE: authMode
  APPROVALS: approvals
  READ: read
}

// Read by the platform and its libraries, not by the app.
var platformSettings = {
  // Which identity azure-identity takes for Microsoft Graph.
  AZURE_CLIENT_ID: identityClientId
  APPLICATIONINSIGHTS_CONNECTION_STRING: applicationInsightsConnectionString
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
  // The platform's own page at / says nothing, and every prober that asks for it would be a line in the log.
  AzureWebJobsDisableHomepage: 'true'
  // Sign-in shows a token of this identity where it would otherwise need a client secret.
  OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID: identityClientId
}

// Each of these groups scales alone. Without an entry a group has no instance while it has nothing to do.
var alwaysReady = [
  {
    name: 'http'
    instanceCount: alwaysReadyInstances
  }
  {
    name: 'function:hourly_sync'
    instanceCount: alwaysReadyTimer
  }
]

resource plan 'Microsoft.Web/serverfarms@2025-03-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: {
    // checkov:skip=CKV_AZURE_225: A run that a lost zone cuts off is started again in another; nothing is kept on instances.
    name: 'FC1'
    tier: 'FlexConsumption'
  }
  properties: {
    reserved: true
  }
}

resource app 'Microsoft.Web/sites@2025-03-01' = {
  name: name
  location: location
  // By this tag azd knows where the service called sync is to be deployed.
  tags: union(tags, { 'azd-service-name': 'sync' })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
    }
  }
  properties: {
    // checkov:skip=CKV_AZURE_17: People sign in through Entra ID, programs with a token or a key; neither has a certificate.
    // checkov:skip=CKV_AZURE_212: Flex Consumption starts an instance when one is needed; a lost one is replaced.
    // checkov:skip=CKV_AZURE_213: Instances come and go with the load; that runs end well is watched by alerts.bicep.
    // checkov:skip=CKV_AZURE_222: Administrators reach the console and API over the internet, behind sign-in or keys.
    // checkov:skip=CKV_AZURE_78: Flex Consumption has no FTP; ftpsState is a property it no longer takes.
    serverFarmId: plan.id
    httpsOnly: true
    publicNetworkAccess: 'Enabled'
    // Whose right it is to read the secret that an app setting refers to.
    keyVaultReferenceIdentity: identityId
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: packageContainerUrl
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      runtime: {
        name: 'python'
        version: pythonVersion
      }
      scaleAndConcurrency: {
        instanceMemoryMB: instanceMemoryMB
        maximumInstanceCount: maximumInstanceCount
        triggers: { http: { perInstanceConcurrency: httpConcurrency } }
        alwaysReady: filter(alwaysReady, group => group.instanceCount > 0)
      }
    }
    siteConfig: {
      appSettings: [for setting in items(union(settings, platformSettings)): {
        name: setting.key
        value: setting.value
      }]
      http20Enabled: true
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
    }
  }
}

// Packages are published with an Entra token, never with a publishing password.
resource ftpPublishing 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2025-03-01' = {
  parent: app
  name: 'ftp'
  properties: { allow: false }
}

resource scmPublishing 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2025-03-01' = {
  parent: app
  name: 'scm'
  properties: { allow: false }
}

output name string = app.name
output hostName string = app.properties.defaultHostName
