"""What to do when an API server lets nobody create the pods of a workload. Pure."""

QUOTA_HINT = "ask for a larger quota, or for less: kubectl describe quota shows what is used"


def hint_of(told: str, namespace: str) -> str:
    """Return what to do about a refusal; empty when it is none that is known.

    Args:
        told: by quotas, LimitRanges, Pod Security admission or OpenShift, in their own words.
        namespace: of the pods.
    """
    if "quota" in told:
        return QUOTA_HINT
    if "PodSecurity" in told:
        return (
            "correct the securityContext in values, or choose a namespace that allows more than "
            f"{namespace}: kubectl get namespace --show-labels"
        )
    if "security context constraint" in told:
        return (
            "leave the users and groups in securityContext to OpenShift, or let a cluster admin "
            "grant the pods' ServiceAccount a constraint that admits them: oc adm policy "
            f"add-scc-to-user nonroot-v2 -n {namespace} -z NAME"
        )
    if "usage per" in told:
        return (
            "ask for what the LimitRange allows, by resources in values: kubectl describe "
            f"limitrange -n {namespace}"
        )
    return ""
