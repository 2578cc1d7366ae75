// A webhook for every alert of the resource group. It is apart from alerts.bicep because its address is a secret that
// nobody gives twice: a deployment without it leaves what an earlier one made.
type Tags = {
  'azd-env-name': string
}

param namePrefix string
param tags Tags

@description('Whose alerts: id of the resource group.')
param scopeId string

@secure()
param webhook string

resource receiver 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: '${namePrefix}-webhook'
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    groupShortName: 'sync-webhook'
    webhookReceivers: [
      {
        name: 'webhook'
        serviceUri: webhook
        useCommonAlertSchema: true
      }
    ]
  }
}

resource addWebhook 'Microsoft.AlertsManagement/actionRules@2021-08-08' = {
  name: '${namePrefix}-webhook'
  location: 'global'
  tags: tags
  properties: {
    description: 'Adds the webhook to every alert of this resource group.'
    enabled: true
    scopes: [scopeId]
    actions: [
      {
        actionType: 'AddActionGroups'
        actionGroupIds: [receiver.id]
      }
    ]
  }
}
