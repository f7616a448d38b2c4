"""The simulated DSP: Users, traffic, scenarios, truth and scoring."""
