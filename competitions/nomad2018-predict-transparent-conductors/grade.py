from grading import Grader, Real
from grading.metrics.combine import mean_columnwise
from grading.metrics.regression import rmsle

energy = Real(minimum=0)

grader = Grader(
    id="id",
    columns={"formation_energy_ev_natom": energy, "bandgap_energy_ev": energy},
    metric=mean_columnwise(rmsle),
)
