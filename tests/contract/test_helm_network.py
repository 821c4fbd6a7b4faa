"""Whom the chart's pods may reach, and who reads their figures."""

from tests.support.helm_chart import ALL_ON, objects, one


def test_pods_reach_the_databases_and_what_settings_name_by_an_address() -> None:
    first, second = one("NetworkPolicy", ALL_ON)["spec"]["egress"]
    ports = [rule["port"] for rule in first["ports"]]

    assert ports[:2] == [53, 53]
    assert sorted(ports[2:]) == [80, 443, 3307, 3308, 3309, 3310, 4318, 6379, 9000]
    assert second == ALL_ON["networkPolicy"]["egress"][0]
    assert [rule["port"] for rule in one("NetworkPolicy")["spec"]["egress"][0]["ports"]] == [53, 53, 3306, 443]
    assert "from" not in one("NetworkPolicy")["spec"]["ingress"][0]


def test_prometheus_reads_each_pod_with_an_operators_key() -> None:
    monitor, service = one("ServiceMonitor", ALL_ON), one("Service", ALL_ON)
    (endpoint,) = monitor["spec"]["endpoints"]

    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert monitor["metadata"]["labels"]["release"] == "prometheus"
    assert endpoint["port"] in [port["name"] for port in service["spec"]["ports"]]
    assert endpoint["path"] == "/metrics"
    assert endpoint["authorization"] == {"credentials": {"name": "metrics", "key": "METRICS_API_KEY"}}
    assert "authorization" not in one("ServiceMonitor", {"serviceMonitor": {"enabled": True}})["spec"]["endpoints"][0]


def test_the_chart_installs_where_there_is_no_prometheus_operator() -> None:
    assert {item["apiVersion"] for item in objects()} & {"monitoring.coreos.com/v1"} == set()
