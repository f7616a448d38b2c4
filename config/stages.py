"""Translates the settings into the arguments of each part."""

from config.settings import Settings
from streams.pipeline import PipelineParameters


def pipeline_parameters(settings: Settings) -> PipelineParameters:
    """The parameters of the flow."""
    detection = settings.detection.with_holidays(settings.time.holiday_calendar)
    return PipelineParameters(time=settings.time, detection=detection, correlation=settings.correlation)
