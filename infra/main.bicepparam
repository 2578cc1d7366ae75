// Where the parameters of main.bicep come from: environment variables, which azd hands over as `azd env set` keeps them.
// Read by the compiler, a value stays what it is, whatever characters it holds. An unset one is the default, and
// HENNGE_CLIENT_SECRET and ALERT_WEBHOOK may be unset whenever they are to stay as they are.
using 'main.bicep'

param environmentName = readEnvironmentVariable('AZURE_ENV_NAME')
param location = readEnvironmentVariable('AZURE_LOCATION')

param source = readEnvironmentVariable('SOURCE', 'hennge')
param henngeClientId = readEnvironmentVariable('HENNGE_CLIENT_ID', '')
param henngeClientSecret = readEnvironmentVariable('HENNGE_CLIENT_SECRET', '')
param henngeClientExpiresOn = readEnvironmentVariable('HENNGE_SECRET_EXPIRES_ON', '')
param henngeTokenUrl = readEnvironmentVariable('HENNGE_TOKEN_URL', '')
param henngeApiUrl = readEnvironmentVariable('HENNGE_API_URL', '')
param csvPath = readEnvironmentVariable('CSV_PATH', '')

param syncSchedule = readEnvironmentVariable('SYNC_SCHEDULE', '0 0 * * * *')
param graphBaseUrl = readEnvironmentVariable('GRAPH_BASE_URL', '')
param attributeMap = json(readEnvironmentVariable('ATTRIBUTE_MAP', '{}'))
param signIn = readEnvironmentVariable('SIGN_IN', '')
param usageLocation = readEnvironmentVariable('USAGE_LOCATION', '')
param protectedUsers = readEnvironmentVariable('PROTECTED_USERS', '')
param foreignDomains = readEnvironmentVariable('FOREIGN_DOMAINS', '')
param upnFrom = readEnvironmentVariable('UPN_FROM', '')
param language = readEnvironmentVariable('LANGUAGE', 'en')
param requireDeletionChecks = json(readEnvironmentVariable('REQUIRE_DELETION_CHECKS', 'true'))
param restoreDeletedUsers = json(readEnvironmentVariable('RESTORE_DELETED_USERS', 'true'))
param historyDays = json(readEnvironmentVariable('HISTORY_DAYS', '90'))
param approvals = readEnvironmentVariable('APPROVALS', 'one')
param read = readEnvironmentVariable('READ', 'mirror')
param historyValues = json(readEnvironmentVariable('HISTORY_VALUES', 'false'))
param batchesInFlight = json(readEnvironmentVariable('BATCHES_IN_FLIGHT', '4'))
param timeBudgetSeconds = json(readEnvironmentVariable('TIME_BUDGET_SECONDS', '1500'))

param signInClientId = readEnvironmentVariable('SIGN_IN_CLIENT_ID', '')
param alertEmail = readEnvironmentVariable('ALERT_EMAIL', '')
param alertWebhook = readEnvironmentVariable('ALERT_WEBHOOK', '')

param storageRedundancy = readEnvironmentVariable('STORAGE_REDUNDANCY', 'Standard_ZRS')
param logDailyCapGB = json(readEnvironmentVariable('LOG_DAILY_CAP_GB', '1'))
param pythonVersion = readEnvironmentVariable('PYTHON_VERSION', '3.12')
param instanceMemoryMB = json(readEnvironmentVariable('INSTANCE_MEMORY_MB', '2048'))
param maximumInstanceCount = json(readEnvironmentVariable('MAXIMUM_INSTANCE_COUNT', '40'))
param httpConcurrency = json(readEnvironmentVariable('HTTP_CONCURRENCY', '16'))
param alwaysReadyInstances = json(readEnvironmentVariable('ALWAYS_READY_INSTANCES', '0'))
param alwaysReadyTimer = json(readEnvironmentVariable('ALWAYS_READY_TIMER', '0'))
