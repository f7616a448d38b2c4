"""From the settings to what each part takes."""

from config.settings import Settings
from streams.pipeline import PipelineParameters


def pipeline_parameters(settings: Settings) -> PipelineParameters:
    """What tunes the flow."""
    detection = settings.detection.with_holidays(settings.time.holiday_calendar)
    return PipelineParameters(time=settings.time, detection=detection, correlation=settings.correlation)
