"""What the source has. It is read for each answer, and nothing of it is kept."""

from shared.http.endpoint import Call, Nothing
from shared.http.inspection import in_time
from shared.log import event
from shared.reports.source_fields import SourceFields, SourceReport


async def source(call: Call[Nothing, Nothing]) -> SourceReport:
    services, fields = call.services, SourceFields()
    settings = services.settings
    attribute_map = (await services.tenant_settings.read_terms()).attribute_map
    reading = services.open_source(attribute_map)
    try:
        await in_time(reading.describe(fields.add))
    finally:
        await reading.aclose()
    event("source.described", **call.facts, users=fields.users)
    name = settings.csv_path if settings.source == "csv" else settings.hennge_api_url
    now = services.clock.now()
    return fields.report(settings.source, name or "", now, attribute_map)
