// The Log Analytics workspace. monitoring.bicep deploys it twice: a rule that transforms what comes in names the
// workspace, and the workspace names the rule.
type Tags = {
  'azd-env-name': string
}

param name string
param location string
param tags Tags
param dailyCapGB int

@description('Id of the rule that transforms what comes in; empty before there is one.')
param transformationId string

resource workspace 'Microsoft.OperationalInsights/workspaces@2026-03-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    sku: { name: 'PerGB2018' }
    // As long as the Runs table keeps a run.
    retentionInDays: 90
    features: { disableLocalAuth: true }
    workspaceCapping: { dailyQuotaGb: dailyCapGB }
    defaultDataCollectionRuleResourceId: empty(transformationId) ? null : transformationId
  }
}

output id string = workspace.id
