"""What the app stores: settings and Sync Logs in tables, audit logs, links, journals and leases in blobs."""
