from grading import Grader, Real
from grading.metrics.geometry import mean_angular_error

grader = Grader(id="event_id", columns={"azimuth": Real(), "zenith": Real()}, metric=mean_angular_error)
