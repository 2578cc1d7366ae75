// The Azure half: everything the sync runs on, in one resource group, with identities instead of keys.
// The other half, what the app may do in Microsoft Entra ID and who may sign in to it, is graph/.
// Each parameter is read from the environment variable that main.bicepparam names.
targetScope = 'resourceGroup'

// The attributes that the app can fill; null leaves one alone.
type AttributeMap = {
  displayName: string?
  mailNickname: string?
  givenName: string?
  surname: string?
  jobTitle: string?
  department: string?
  companyName: string?
  officeLocation: string?
  employeeId: string?
  mobilePhone: string?
  city: string?
  state: string?
  country: string?
  postalCode: string?
  streetAddress: string?
  usageLocation: string?
  accountEnabled: string?
  userPrincipalName: string?
  onPremisesImmutableId: string?
  sourceId: string?
}

@minLength(1)
@maxLength(40)
@description('Name of this deployment, letters, digits and hyphens; part of resource names and of the azd-env-name tag.')
param environmentName string

@minLength(1)
@metadata({ azd: { type: 'location' } })
@description('Azure region with Flex Consumption, for example japaneast.')
param location string

// Where people come from

@allowed(['hennge', 'csv'])
@description('SOURCE')
param source string = 'hennge'

@description('HENNGE_CLIENT_ID: from System → API Client of HENNGE Access Control.')
param henngeClientId string = ''

@secure()
@description('HENNGE_CLIENT_SECRET: shown once, when the API client is made. Goes to Key Vault. Empty: the vault keeps the one it has.')
param henngeClientSecret string = ''

@description('HENNGE_SECRET_EXPIRES_ON: date (yyyy-MM-dd) by which the secret is to be replaced. An alert comes 30 days before.')
param henngeClientExpiresOn string = ''

@description('HENNGE_TOKEN_URL; empty: the app\'s default.')
param henngeTokenUrl string = ''

@description('HENNGE_API_URL; empty: the app\'s default.')
param henngeApiUrl string = ''

@description('CSV_PATH: blob:container/name, with source csv.')
param csvPath string = ''

// What happens to them

@description('SYNC_SCHEDULE: NCRONTAB, UTC. The alert no-good-run looks back 2 days: where more lies between two ticks, it takes the timer for stopped.')
param syncSchedule string = '0 0 * * * *'

@description('GRAPH_BASE_URL; empty: the global cloud.')
param graphBaseUrl string = ''

@description('ATTRIBUTE_MAP: Entra attribute → source field, or null to leave the attribute alone; on top of the app\'s default.')
param attributeMap AttributeMap = {}

@allowed(['', 'leave', 'block', 'follow'])
@description('SIGN_IN: what a sync does with Entra\'s sign-in state; empty: the app\'s default, leave.')
param signIn string = ''

@description('USAGE_LOCATION: two letters, set on created users; empty: not set.')
param usageLocation string = ''

@description('LANGUAGE: en or ja, the language of reasons in audit logs, and of notifications.')
param language string = 'en'

@description('FOREIGN_DOMAINS: domains, comma-separated, that are certainly not the tenant\'s although they look like one of its domains.')
param foreignDomains string = ''
@description('UPN_FROM: the field that names people where a run asks for it: userPrincipalName or email.')
@allowed(['', 'userPrincipalName', 'email'])
param upnFrom string = ''

@description('PROTECTED_USERS: UPNs or object ids, comma-separated, never updated or deleted.')
param protectedUsers string = ''

@description('REQUIRE_DELETION_CHECKS: without the permission to look at deletion candidates, delete nobody.')
param requireDeletionChecks bool = true

@description('RESTORE_DELETED_USERS: take a user who comes back out of Deleted users instead of creating a new one.')
param restoreDeletedUsers bool = true

@minValue(0)
@maxValue(730)
@description('HISTORY_DAYS: how long the history of each person is kept; 0 keeps none.')
param historyDays int = 90

@allowed(['one', 'two'])
@description('APPROVALS: two: what deletes by approval or loosens settings waits for a second person; where people sign in.')
param approvals string = 'one'

@allowed(['mirror', 'live'])
@description('READ: mirror: one reading of the source serves all domains; live: each run reads all of it.')
param read string = 'mirror'

@description('HISTORY_VALUES: the history has the values of attributes, too, not only their names.')
param historyValues bool = false

@minValue(1)
@maxValue(16)
@description('BATCHES_IN_FLIGHT: batches of 20 requests sent to Microsoft Graph at a time.')
param batchesInFlight int = 4

@minValue(1)
@maxValue(1500)
@description('TIME_BUDGET_SECONDS: after so long a run stops between two batches, and goes on in a new invocation.')
param timeBudgetSeconds int = 1500

// Who may use it, who is told

@description('Client id that graph/ prints. Given: sign-in with app roles (AUTH_MODE entra). Empty: function keys.')
param signInClientId string = ''

@description('E-mail address that alerts go to.')
param alertEmail string

@secure()
@description('Webhook that alerts go to as well, in the common alert schema. Empty: the one that is there stays.')
param alertWebhook string = ''

// What it runs on

@allowed(['Standard_ZRS', 'Standard_LRS'])
@description('Storage redundancy: Standard_LRS in regions without availability zones. A copy in a second region would outlive the 24 hours after which audit logs are gone.')
param storageRedundancy string = 'Standard_ZRS'

@minValue(1)
@description('Most that the workspace takes in a day, in GB. When it is reached, alerts are blind until the next day.')
param logDailyCapGB int = 1

@allowed(['3.11', '3.12', '3.13'])
param pythonVersion string = '3.12'

@allowed([512, 2048, 4096])
@description('Memory of an instance in MB.')
param instanceMemoryMB int = 2048

@minValue(1)
@maxValue(1000)
@description('Most instances at a time of each group that scales alone: HTTP, the timer, the queue. host.json says how many domains each works on.')
param maximumInstanceCount int = 40

@minValue(1)
@maxValue(1000)
@description('HTTP requests at a time on an instance. Flex Consumption takes 1 for Python unless told: one page of the console would start a dozen instances.')
param httpConcurrency int = 16

@minValue(0)
@description('Instances kept warm for the console and the API. 0 costs nothing while nobody looks.')
param alwaysReadyInstances int = 0

@minValue(0)
@maxValue(1)
@description('1 keeps an instance for the hourly timer. At 0 the platform starts one on the hour; if no-good-run says that it does not, 1 no longer leaves that to it.')
param alwaysReadyTimer int = 0

var token = uniqueString(resourceGroup().id, environmentName)
var tags = { 'azd-env-name': environmentName }

module identity 'identity.bicep' = {
  name: 'identity'
  params: {
    name: 'id-${environmentName}-${token}'
    location: location
    tags: tags
  }
}

module storage 'storage.bicep' = {
  name: 'storage'
  params: {
    name: 'st${token}'
    location: location
    tags: tags
    redundancy: storageRedundancy
  }
}

module storageAccess 'storage-access.bicep' = {
  name: 'storage-access'
  params: {
    storageAccountName: storage.outputs.name
    principalId: identity.outputs.principalId
  }
}

module monitoring 'monitoring.bicep' = {
  name: 'monitoring'
  params: {
    workspaceName: 'log-${environmentName}-${token}'
    applicationInsightsName: 'appi-${environmentName}-${token}'
    location: location
    tags: tags
    dailyCapGB: logDailyCapGB
    publisherPrincipalId: identity.outputs.principalId
  }
}

module vault 'vault.bicep' = {
  name: 'vault'
  params: {
    name: 'kv-${token}'
    location: location
    tags: tags
    readerPrincipalId: identity.outputs.principalId
    workspaceId: monitoring.outputs.workspaceId
    henngeClientSecret: henngeClientSecret
    henngeClientExpiresOn: henngeClientExpiresOn
  }
}

module app 'app.bicep' = {
  name: 'app'
  params: {
    name: 'func-${environmentName}-${token}'
    planName: 'plan-${environmentName}-${token}'
    location: location
    tags: tags
    identityId: identity.outputs.id
    identityClientId: identity.outputs.clientId
    storageAccountName: storage.outputs.name
    packageContainerUrl: storage.outputs.packageContainerUrl
    applicationInsightsConnectionString: monitoring.outputs.connectionString
    henngeClientSecretUri: vault.outputs.henngeClientSecretUri
    pythonVersion: pythonVersion
    instanceMemoryMB: instanceMemoryMB
    maximumInstanceCount: maximumInstanceCount
    httpConcurrency: httpConcurrency
    alwaysReadyInstances: alwaysReadyInstances
    alwaysReadyTimer: alwaysReadyTimer
    source: source
    henngeClientId: henngeClientId
    henngeClientExpiresOn: henngeClientExpiresOn
    henngeTokenUrl: henngeTokenUrl
    henngeApiUrl: henngeApiUrl
    csvPath: csvPath
    syncSchedule: syncSchedule
    graphBaseUrl: graphBaseUrl
    attributeMap: string(attributeMap)
    signIn: signIn
    usageLocation: usageLocation
    protectedUsers: protectedUsers
    foreignDomains: foreignDomains
    language: language
    upnFrom: upnFrom
    requireDeletionChecks: requireDeletionChecks
    restoreDeletedUsers: restoreDeletedUsers
    historyDays: historyDays
    historyValues: historyValues
    batchesInFlight: batchesInFlight
    timeBudgetSeconds: timeBudgetSeconds
    authMode: empty(signInClientId) ? 'keys' : 'entra'
    // With function keys nobody is known by name, and the app refuses the setting.
    approvals: empty(signInClientId) ? 'one' : approvals
    read: read
  }
  // Without its roles the host can't fetch its package, its keys or its secret, and stays down until it is restarted.
  dependsOn: [
    storageAccess
  ]
}

module diagnostics 'diagnostics.bicep' = {
  name: 'diagnostics'
  params: {
    functionAppName: app.outputs.name
    storageAccountName: storage.outputs.name
    workspaceId: monitoring.outputs.workspaceId
  }
}

module authentication 'sign-in.bicep' = {
  name: 'sign-in'
  params: {
    functionAppName: app.outputs.name
    clientId: signInClientId
  }
}

module alerts 'alerts.bicep' = {
  name: 'alerts'
  params: {
    namePrefix: environmentName
    location: location
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
    email: alertEmail
  }
}

module webhook 'webhook.bicep' = if (!empty(alertWebhook)) {
  name: 'webhook'
  params: {
    namePrefix: environmentName
    tags: tags
    scopeId: resourceGroup().id
    webhook: alertWebhook
  }
}

var firstSteps = 'Grant the app its permissions: python3 infra/graph/grant.py permissions --identity ${identity.outputs.principalId}'
var nextSteps = 'Open the console, pre-check a domain, then dry-run it.'

// azd keeps outputs as environment variables; the hook in azure.yaml prints the first two.
output CONSOLE_URL string = 'https://${app.outputs.hostName}/api/console'
output NEXT_STEP string = empty(signInClientId) ? firstSteps : nextSteps
output IDENTITY_PRINCIPAL_ID string = identity.outputs.principalId
output HOST_NAME string = app.outputs.hostName
output FUNCTION_APP_NAME string = app.outputs.name
output STORAGE_ACCOUNT string = storage.outputs.name
// Unlike SOURCE it is never set by hand: check_settings.py learns from it whether the vault has the client secret.
output DEPLOYED_SOURCE string = source

// Every setting but the two secrets, under the name that main.bicepparam reads: `azd env refresh` on another machine
// brings them back, so a second administrator is asked for nothing and resets nothing.
output SOURCE string = source
output HENNGE_CLIENT_ID string = henngeClientId
output HENNGE_SECRET_EXPIRES_ON string = henngeClientExpiresOn
output HENNGE_TOKEN_URL string = henngeTokenUrl
output HENNGE_API_URL string = henngeApiUrl
output CSV_PATH string = csvPath
output SYNC_SCHEDULE string = syncSchedule
output GRAPH_BASE_URL string = graphBaseUrl
output ATTRIBUTE_MAP AttributeMap = attributeMap
output SIGN_IN string = signIn
output USAGE_LOCATION string = usageLocation
output PROTECTED_USERS string = protectedUsers
output FOREIGN_DOMAINS string = foreignDomains
output LANGUAGE string = language
output UPN_FROM string = upnFrom
output REQUIRE_DELETION_CHECKS bool = requireDeletionChecks
output RESTORE_DELETED_USERS bool = restoreDeletedUsers
output HISTORY_DAYS int = historyDays
output HISTORY_VALUES bool = historyValues
output APPROVALS string = approvals
output READ string = read
output BATCHES_IN_FLIGHT int = batchesInFlight
output TIME_BUDGET_SECONDS int = timeBudgetSeconds
output SIGN_IN_CLIENT_ID string = signInClientId
output ALERT_EMAIL string = alertEmail
output STORAGE_REDUNDANCY string = storageRedundancy
output LOG_DAILY_CAP_GB int = logDailyCapGB
output PYTHON_VERSION string = pythonVersion
output INSTANCE_MEMORY_MB int = instanceMemoryMB
output MAXIMUM_INSTANCE_COUNT int = maximumInstanceCount
output HTTP_CONCURRENCY int = httpConcurrency
output ALWAYS_READY_INSTANCES int = alwaysReadyInstances
output ALWAYS_READY_TIMER int = alwaysReadyTimer
