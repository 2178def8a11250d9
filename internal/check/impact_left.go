package check

import (
	"fmt"
	"strings"

	"github.com/docker-userns/docker-userns/internal/survey"
)

// left lists what a switch to remap leaves in the old data root.
func left[T any](in *Input, what string, items survey.Read[[]T], message string, detail func(T) Detail) Result {
	if r, ok := gone(in); ok {
		return r
	}
	if items.Err != nil {
		return unread("which "+what+" there are", items.Err)
	}
	if len(items.Value) == 0 {
		return pass("there is none")
	}
	r := warn("%s: %d; %s", what, len(items.Value), message)
	for _, item := range items.Value {
		r = r.With(detail(item))
	}
	return r
}

func impactVolumes(in *Input) Result {
	return left(in, "volumes", in.Volumes, "they stay in the old data root, whole, and the new one begins with none", func(v survey.Volume) Detail {
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
	return left(in, "networks", in.Networks, "they must be recreated", func(n survey.Network) Detail {
		note := n.Driver
		if len(n.Containers) > 0 {
			note += ", with " + strings.Join(n.Containers, ", ")
		}
		return Detail{Name: n.Name, Note: note}
	})
}

func impactPlugins(in *Input) Result {
	return left(in, "plugins", in.Plugins, "they have to be installed again, and run without remap", func(p survey.Plugin) Detail {
		state := "disabled"
		if p.Enabled {
			state = "enabled"
		}
		return Detail{Name: p.Name, Note: strings.Join(append([]string{state}, p.Types...), ", ")}
	})
}

func impactBuilders(in *Input) Result {
	if r, ok := gone(in); ok {
		return r
	}
	return each(in, "which builders there are", "docker buildx makes them again at the next build, without their cache", func(c survey.Container) string {
		if builder, ok := c.Builder(); ok {
			return "builder " + builder
		}
		return ""
	})
}

func impactServices(in *Input) Result {
	return left(in, "services", in.Swarm, "a service cannot be kept out of remap, and the node drops out of its swarm", func(s survey.SwarmService) Detail {
		return Detail{Name: s.Name, Note: fmt.Sprintf("%s, image %s", s.Mode, s.Image)}
	})
}
