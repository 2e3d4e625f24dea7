"""The report is the same on a Dask cluster, whatever its number of workers."""

import pytest

pytestmark = pytest.mark.peers
distributed = pytest.importorskip("distributed", reason="needs the extra [dask]")

import samplers_under_test as s  # noqa: E402

from specsample.conformance import check, from_verify  # noqa: E402


@pytest.mark.filterwarnings("default")  # Dask's own
@pytest.mark.parametrize("n_workers", [1, 3])
@pytest.mark.parametrize("sampler", [s.right, s.replaced_from_p], ids=lambda f: f.__name__)
def test_the_report_is_the_same_on_a_cluster(sampler, n_workers):
    setting = {"probes": [s.small_probe()], "eps": 0.1}
    cluster = distributed.LocalCluster(
        n_workers=n_workers, threads_per_worker=1, processes=False, dashboard_address=None
    )
    with cluster, distributed.Client(cluster) as client, client.get_executor() as executor:
        assert check(from_verify(sampler), **setting, executor=executor) == check(from_verify(sampler), **setting)
