// Logs of every run, for people and for alerts. Both sides take Entra tokens only.
type Tags = {
  'azd-env-name': string
}

param workspaceName string
param applicationInsightsName string
param location string
param tags Tags
param dailyCapGB int

@description('Who may send telemetry.')
param publisherPrincipalId string

var monitoringMetricsPublisher = '3913510d-42f4-4e42-8a64-420c390055eb'

// Table → what of it is kept. Both tables hold what the app's own log has already, or what nobody asks for.
var kept = {
  FunctionAppLogs: loadTextContent('transformations/FunctionAppLogs.kql')
  StorageBlobLogs: loadTextContent('transformations/StorageBlobLogs.kql')
}

module workspace 'workspace.bicep' = {
  name: 'workspace'
  params: {
    name: workspaceName
    location: location
    tags: tags
    dailyCapGB: dailyCapGB
    transformationId: ''
  }
}

resource transformation 'Microsoft.Insights/dataCollectionRules@2024-03-11' = {
  name: '${workspaceName}-kept'
  location: location
  tags: tags
  kind: 'WorkspaceTransforms'
  properties: {
    destinations: {
      logAnalytics: [
        {
          name: 'workspace'
          workspaceResourceId: workspace.outputs.id
        }
      ]
    }
    dataFlows: [for table in items(kept): {
      streams: ['Microsoft-Table-${table.key}']
      destinations: ['workspace']
      transformKql: table.value
    }]
  }
}

module transformedWorkspace 'workspace.bicep' = {
  name: 'workspace-transformed'
  params: {
    name: workspaceName
    location: location
    tags: tags
    dailyCapGB: dailyCapGB
    transformationId: transformation.id
  }
}

resource applicationInsights 'Microsoft.Insights/components@2020-02-02' = {
  name: applicationInsightsName
  location: location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: workspace.outputs.id
    DisableLocalAuth: true
  }
}

resource publisher 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: applicationInsights
  name: guid(applicationInsights.id, publisherPrincipalId, monitoringMetricsPublisher)
  properties: {
    description: 'Monitoring Metrics Publisher'
    principalId: publisherPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', monitoringMetricsPublisher)
  }
}

// Of the second deployment, so that nothing is sent to the workspace before it knows what to keep.
output workspaceId string = transformedWorkspace.outputs.id
output connectionString string = applicationInsights.properties.ConnectionString
