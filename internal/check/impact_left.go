package check

import (
	"fmt"
	"strings"

	"github.com/docker-userns/docker-userns/internal/report"
	"github.com/docker-userns/docker-userns/internal/survey"
)

// left lists what turning on remap leaves in the old data root, in words for one thing
// and for many.
func left[T any](in *Input, what string, items survey.Read[[]T], one, many string, detail func(T) Detail) Result {
	if r, ok := alreadyOn(in); ok {
		return r
	}
	if items.Err != nil {
		return unread("which "+what+" exist", items.Err)
	}
	if len(items.Value) == 0 {
		return pass("none")
	}
	r := warn("%s", report.Counted(len(items.Value), one, many))
	for _, item := range items.Value {
		r = r.With(detail(item))
	}
	return r
}

func impactVolumes(in *Input) Result {
	return left(in, "volumes", in.Volumes, "volume stays in the old data root, unchanged; the new one starts without volumes",
		"volumes stay in the old data root, unchanged; the new one starts without volumes", func(v survey.Volume) Detail {
			note := size(v.Size)
			if v.Driver != "local" && v.Driver != "" {
				note += ", driver " + v.Driver
			}
			if v.Containers > 0 {
				note += ", used by " + count(v.Containers, "container")
			}
			return Detail{Name: v.Name, Note: note + ", in " + v.Mountpoint}
		})
}

func impactNetworks(in *Input) Result {
	return left(in, "networks", in.Networks, "network stays in the old data root and must be recreated", "networks stay in the old data root and must be recreated", func(n survey.Network) Detail {
		note := n.Driver
		if len(n.Containers) > 0 {
			note += ", with " + strings.Join(n.Containers, ", ")
		}
		return Detail{Name: n.Name, Note: note}
	})
}

func impactPlugins(in *Input) Result {
	return left(in, "plugins", in.Plugins, "plugin must be installed again, and runs without remap", "plugins must be installed again, and run without remap", func(p survey.Plugin) Detail {
		state := "disabled"
		if p.Enabled {
			state = "enabled"
		}
		return Detail{Name: p.Name, Note: strings.Join(append([]string{state}, p.Types...), ", ")}
	})
}

func impactBuilders(in *Input) Result {
	if r, ok := alreadyOn(in); ok {
		return r
	}
	return each(in, "which builders exist",
		"buildx builder stays behind; docker buildx recreates it at the next build, without its cache",
		"buildx builders stay behind; docker buildx recreates them at the next build, without their caches", func(c survey.Container) string {
			if builder, ok := c.Builder(); ok {
				return "builder " + builder
			}
			return ""
		})
}

func impactServices(in *Input) Result {
	return left(in, "services", in.Swarm, "swarm service runs here; the node drops out of its swarm, and services cannot use --userns=host",
		"swarm services run here; the node drops out of its swarm, and services cannot use --userns=host", func(s survey.SwarmService) Detail {
			return Detail{Name: s.Name, Note: fmt.Sprintf("%s, image %s", s.Mode, s.Image)}
		})
}
