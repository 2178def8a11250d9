package verify

import (
	"slices"

	"github.com/docker-userns/docker-userns/internal/report"
)

// Categories of what is proven by trying it.
const (
	catProbe = "new containers"
	catApps  = "applications"
)

var proofs = []Question{
	{ID: "probe-map", Category: catProbe, Title: "A new container has the ID map of the engine"},
	{ID: "probe-root", Category: catProbe, Title: "The root of a new container is the mapped user on the host"},
	{ID: "probe-user", Category: catProbe, Title: "UID 1000 of a new container is the mapped user on the host"},
	{ID: "probe-volume", Category: catProbe, Title: "Files that a new container writes into a volume belong to the mapped users"},
	{ID: "probe-bind", Category: catProbe, Title: "Files that a new container writes into a bind mount belong to the mapped users"},
	{ID: "app-health", Category: catApps, Title: "Applications say that they are healthy"},
	{ID: "app-commands", Category: catApps, Title: "Commands work in containers"},
	{ID: "app-sockets", Category: catApps, Title: "Sockets take connections"},
	{ID: "app-starts", Category: catApps, Title: "Containers start fast enough"},
}

// Proofs are the questions that are answered by trying: those of
// [ProbeReport.Results] and of [Profile.Check], in their order. [Judge] does not
// answer them.
func Proofs() []Question { return slices.Clone(proofs) }

// proof is the answer to one of them.
func proof(id string, r report.Result) report.Result {
	i := slices.IndexFunc(proofs, func(q Question) bool { return q.ID == id })
	r.ID, r.Category, r.Title = id, proofs[i].Category, proofs[i].Title
	return r
}
