package survey

import (
	"maps"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/api/types/system"
	"github.com/docker/docker/api/types/volume"
)

func engineOf(info system.Info, version types.Version) Engine {
	e := Engine{
		Version: info.ServerVersion, APIVersion: version.APIVersion, MinAPIVersion: version.MinAPIVersion,
		OperatingSystem: info.OperatingSystem, OSType: info.OSType, Architecture: info.Architecture,
		KernelVersion: info.KernelVersion, Name: info.Name, ID: info.ID,
		SecurityOptions: info.SecurityOptions, Driver: info.Driver, DriverStatus: info.DriverStatus,
		DataRoot: info.DockerRootDir, CgroupDriver: info.CgroupDriver, CgroupVersion: info.CgroupVersion,
		LiveRestore: info.LiveRestoreEnabled, InitBinary: info.InitBinary, DefaultRuntime: info.DefaultRuntime,
		Runtimes:    slices.Sorted(maps.Keys(info.Runtimes)),
		RuncVersion: component(version, "runc"), ContainerdVer: component(version, "containerd"),
		Swarm: SwarmState{
			LocalNodeState: string(info.Swarm.LocalNodeState), Manager: info.Swarm.ControlAvailable, NodeID: info.Swarm.NodeID,
		},
		Containers: info.Containers, Running: info.ContainersRunning, ImageCount: info.Images,
		Warnings: info.Warnings, Labels: info.Labels, Time: timeOf(info.SystemTime),
	}
	for _, c := range version.Components {
		e.Components = append(e.Components, c.Name)
	}
	if info.Containerd != nil {
		e.ContainerdNamespaces = [2]string{info.Containerd.Namespaces.Containers, info.Containerd.Namespaces.Plugins}
	}
	return e
}

// component gives the version of a part of the engine, "" where /version does
// not name it.
func component(v types.Version, name string) string {
	for _, c := range v.Components {
		if c.Name == name {
			return c.Version
		}
	}
	return ""
}

func imagesOf(list []image.Summary) []Image {
	images := make([]Image, 0, len(list))
	for _, s := range list {
		images = append(images, Image{
			ID: s.ID, Size: s.Size, Created: time.Unix(s.Created, 0).UTC(),
			// Before API 1.43 an image without a name has this one.
			Tags: slices.DeleteFunc(slices.Clone(s.RepoTags), func(tag string) bool { return tag == "<none>:<none>" }),
		})
	}
	return images
}

func volumesOf(list, sized []*volume.Volume) []Volume {
	usage := map[string]volume.UsageData{}
	for _, v := range sized {
		if v != nil && v.UsageData != nil {
			usage[v.Name] = *v.UsageData
		}
	}
	var volumes []Volume
	for _, v := range list {
		if v == nil {
			continue
		}
		u, ok := usage[v.Name]
		if !ok {
			u = volume.UsageData{Size: -1, RefCount: -1}
		}
		volumes = append(volumes, Volume{
			Name: v.Name, Driver: v.Driver, Mountpoint: v.Mountpoint,
			Size: u.Size, Containers: int(u.RefCount), Labels: v.Labels, Options: v.Options,
		})
	}
	sort.Slice(volumes, func(i, j int) bool { return volumes[i].Name < volumes[j].Name })
	return volumes
}

// own are the networks that every engine makes by itself.
var own = []string{"bridge", "host", "none", "docker_gwbridge", "ingress"}

func networksOf(list []network.Summary) []Network {
	var networks []Network
	for _, n := range list {
		if !slices.Contains(own, n.Name) {
			networks = append(networks, Network{Name: n.Name, ID: n.ID, Driver: n.Driver, Scope: n.Scope})
		}
	}
	sort.Slice(networks, func(i, j int) bool { return networks[i].Name < networks[j].Name })
	return networks
}

func pluginsOf(list types.PluginsListResponse) []Plugin {
	var plugins []Plugin
	for _, p := range list {
		if p == nil {
			continue
		}
		plugin := Plugin{Name: p.Name, ID: p.ID, Enabled: p.Enabled}
		for _, t := range p.Config.Interface.Types {
			plugin.Types = append(plugin.Types, t.Prefix+"."+t.Capability+"/"+t.Version)
		}
		plugins = append(plugins, plugin)
	}
	return plugins
}

func servicesOf(list []swarm.Service) []SwarmService {
	var services []SwarmService
	for _, s := range list {
		service := SwarmService{Name: s.Spec.Name, ID: s.ID, Mode: "replicated"}
		if s.Spec.Mode.Global != nil {
			service.Mode = "global"
		}
		if spec := s.Spec.TaskTemplate.ContainerSpec; spec != nil {
			service.Image, _, _ = strings.Cut(spec.Image, "@")
		}
		services = append(services, service)
	}
	return services
}
