// Who is told when the sync needs somebody. The queries are in alerts/, tested against the lines that the app writes.
type Tags = {
  'azd-env-name': string
}

param namePrefix string
param location string
param tags Tags
param workspaceId string
param email string

var rules = [
  {
    name: 'run-failed'
    description: 'A run failed, or a limit such as Max Allowed Deletions cancelled it. Its message says why and what to do.'
    severity: 1
    query: loadTextContent('alerts/run-failed.kql')
    dimension: 'domain'
    frequency: 'PT15M'
    window: 'PT30M'
    autoMitigate: true
  }
  {
    name: 'no-good-run'
    description: 'Periodic sync is on for the domain, and it had no good run for 3 hours, or since the tick before where the schedule is rarer; or the timer itself has not run for 3 hours and is late.'
    severity: 1
    query: loadTextContent('alerts/no-good-run.kql')
    dimension: 'domain'
    frequency: 'PT30M'
    // The longest that Azure Monitor looks back.
    window: 'P2D'
    // It may resolve itself: a timer that does not run is a row of the query for as long as it does not.
    autoMitigate: true
  }
  {
    name: 'mostly-failed'
    description: 'In a sync nothing succeeded and something failed, or more than 5 users and a tenth of those tried. The audit log says why for each.'
    severity: 2
    query: loadTextContent('alerts/mostly-failed.kql')
    dimension: 'domain'
    frequency: 'PT15M'
    // Longer than the hour to the next sync: one that fails each hour is one alert.
    window: 'PT2H'
    autoMitigate: true
  }
  {
    name: 'not-deleted'
    description: 'A sync left somebody undeleted because a permission was missing or a look failed. The run may say that it succeeded.'
    severity: 2
    query: loadTextContent('alerts/not-deleted.kql')
    dimension: 'domain'
    frequency: 'PT15M'
    window: 'PT2H'
    autoMitigate: true
  }
  {
    name: 'people-failing'
    description: 'The same users failed in every sync of the domain for 24 hours. The audit log names them.'
    severity: 3
    query: loadTextContent('alerts/people-failing.kql')
    dimension: 'domain'
    frequency: 'PT1H'
    window: 'P2D'
    // Fires once, and ends when none of them fails any more.
    autoMitigate: true
  }
  {
    name: 'poisoned'
    description: 'A message reached the poison queue: a run was started five times and never ended. Or the app could not read a message, and dropped it.'
    severity: 1
    query: loadTextContent('alerts/poisoned.kql')
    dimension: 'domain'
    frequency: 'PT15M'
    window: 'PT30M'
    autoMitigate: true
  }
  {
    name: 'secret-expiry'
    description: 'The secret of HENNGE\'s API client ends within 30 days, or has ended, by HENNGE_SECRET_EXPIRES_ON. Make a new one in Access Control.'
    severity: 2
    query: loadTextContent('alerts/secret-expiry.kql')
    dimension: 'notice'
    frequency: 'P1D'
    window: 'P1D'
    // Each notice fires once, and ends with the new date.
    autoMitigate: true
  }
]

resource people 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: '${namePrefix}-people'
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    groupShortName: 'hennge-sync'
    emailReceivers: [
      {
        name: 'email'
        emailAddress: email
        useCommonAlertSchema: true
      }
    ]
  }
}

resource rule 'Microsoft.Insights/scheduledQueryRules@2026-03-01' = [for alert in rules: {
  name: '${namePrefix}-${alert.name}'
  location: location
  tags: tags
  kind: 'LogAlert'
  properties: {
    displayName: '${namePrefix}: ${alert.name}'
    description: alert.description
    severity: alert.severity
    enabled: true
    scopes: [workspaceId]
    evaluationFrequency: alert.frequency
    windowSize: alert.window
    autoMitigate: alert.autoMitigate
    // A new workspace has not seen every table yet, and would refuse the query.
    skipQueryValidation: true
    criteria: {
      allOf: [
        {
          query: alert.query
          timeAggregation: 'Count'
          operator: 'GreaterThan'
          threshold: 0
          // One alert for each, which names it.
          dimensions: [
            {
              name: alert.dimension
              operator: 'Include'
              values: ['*']
            }
          ]
          failingPeriods: {
            numberOfEvaluationPeriods: 1
            minFailingPeriodsToAlert: 1
          }
        }
      ]
    }
    actions: {
      actionGroups: [people.id]
    }
  }
}]
