package survey

import (
	"context"
	"fmt"
	"sort"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/volume"
)

// Volume is a volume of the current data root.
type Volume struct {
	Name       string
	Driver     string
	Mountpoint string // on the host
	Size       int64  // bytes; -1 if the engine did not say in time
	Containers int    // that refer to it; -1 unknown
	Labels     map[string]string
	Options    map[string]string
}

// Unnamed reports whether a volume has the name that the engine gives one that was made
// without a name.
func Unnamed(volume string) bool { return longID.MatchString(volume) }

// volumes lists the volumes. Their sizes are added where the engine finds them
// in time: it walks through every file of every volume for them, and before API
// 1.42 through those of all containers too.
func (c *caller) volumes(ctx context.Context) ([]Volume, error) {
	list, err := call(c, func() (volume.ListResponse, error) { return c.api.VolumeList(ctx, volume.ListOptions{}) })
	if err != nil {
		return nil, fmt.Errorf("listing volumes: %w", err)
	}
	if len(list.Volumes) == 0 {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, c.sizes)
	defer cancel()
	usage, err := call(c, func() (types.DiskUsage, error) {
		return c.api.DiskUsage(ctx, types.DiskUsageOptions{Types: []types.DiskUsageObject{types.VolumeObject}})
	})
	if err != nil {
		usage = types.DiskUsage{} // the volumes are known all the same
	}
	return volumesOf(list.Volumes, usage.Volumes), nil
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
