package survey

import (
	"path"

	"github.com/docker-userns/docker-userns/internal/host"
)

// askConfig asks for the configuration file of a dockerd.
func askConfig(q *host.Questions, d process) {
	if !path.IsAbs(d.Config) {
		return
	}
	q.Files = append(q.Files, d.Config)
	q.Stats = append(q.Stats, d.Config, path.Dir(d.Config))
	q.Attrs = append(q.Attrs, d.Config, path.Dir(d.Config))
	q.Reals = append(q.Reals, d.Config)
}

// askRoot asks for the folder that a data root is, and what stands around it.
func askRoot(q *host.Questions, root string) {
	q.Stats = append(q.Stats, chain(root)...)
	q.Dirs, q.Spaces, q.Reals = append(q.Dirs, root), append(q.Spaces, root), append(q.Reals, root)
}
