"""What the source has, as the newest reading has found it; where that has failed, it is read for the answer alone."""

from contextlib import suppress

from shared.http.endpoint import Call, Nothing
from shared.http.inspection import Newer, read_or_wait
from shared.log import event
from shared.model.runs import SourceRead
from shared.planning.mapping import AttributeMap
from shared.reports.source_fields import SourceFields, SourceReport
from shared.runs.newest import newest_sides
from shared.runs.reading import ReadingFailed
from shared.services import Services


async def source(call: Call[Newer, Nothing]) -> SourceReport:
    services, settings = call.services, call.services.settings
    attribute_map = (await services.tenant_settings.read_terms()).attribute_map
    fields, read = await read_or_wait(call, _described(services, attribute_map, call.query.after))
    event("source.described", **call.facts, users=fields.users)
    name = settings.csv_path if settings.source == "csv" else settings.hennge_api_url
    read_at = read.ended_at if read else services.clock.now()
    report = fields.report(settings.source, name or "", read_at, attribute_map)
    return report.model_copy(update={"version": read and read.version})


async def _described(
    services: Services, attribute_map: AttributeMap, after: int
) -> tuple[SourceFields, SourceRead | None]:
    # With a map that does not fit, no reading succeeds: that is when this page is needed.
    with suppress(ReadingFailed):
        if services.settings.read == "mirror":
            sides = await newest_sides(services, attribute_map, after)
            return SourceFields(sides.people.fields), sides.read.source
    fields, reading = SourceFields(), services.open_source(attribute_map)
    try:
        await reading.describe(fields.add)
    finally:
        await reading.aclose()
    return fields, None
