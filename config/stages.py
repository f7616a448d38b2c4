"""From the settings to what each part takes."""

from config.settings import Settings
from streams.pipeline import PipelineParameters


def pipeline_parameters(settings: Settings) -> PipelineParameters:
    """What tunes the flow."""
    return PipelineParameters(time=settings.time, detection=settings.detection, correlation=settings.correlation)
