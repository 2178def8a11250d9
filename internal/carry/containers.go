//go:build linux

package carry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// mountStore has a folder for each container with the names of its layers: layer/filestore.go
// of moby, the same from 20.10 to 29.
const mountStore = "image/" + driver + "/layerdb/mounts"

var mountID = regexp.MustCompile(`^[0-9a-f]{64}(-init)?$`)

// containers copies the containers: while they run, what is large, and all of it once the
// daemon is down.
func (t twin) containers(ctx context.Context, live bool) error {
	for _, c := range t.Containers {
		t.tell("container " + c.ID)
		err := t.container(ctx, c, live)
		if err != nil && !t.hasContainer(c.ID) {
			continue // it was removed meanwhile
		}
		if err != nil {
			return fmt.Errorf("container %s: %w", c.ID, err)
		}
	}
	return nil
}

func (t twin) container(ctx context.Context, c Container, live bool) error {
	layers, err := t.layersOfContainer(c.ID)
	if err != nil {
		return err
	}
	if err := t.plain(ctx, filepath.Join(mountStore, c.ID)); err != nil {
		return err
	}
	for _, id := range layers {
		if err := t.writable(ctx, c, id, live); err != nil {
			return err
		}
	}
	return t.configuration(ctx, c, live)
}

// writable copies a layer that a container writes to.
func (t twin) writable(ctx context.Context, c Container, id string, live bool) (err error) {
	seen, err := OpenSeen(filepath.Join(t.To, notes, id+".seen"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, seen.Close()) }()
	o := t.options()
	o.Shift, o.Live, o.Seen = t.containerShift(c), live, seen
	return t.layerFiles(ctx, id, o)
}

// containerShift is how the owners of the files in a container's writable layers are shifted.
func (j Job) containerShift(c Container) Shift {
	if c.HostUserns {
		return Shift{}
	}
	return j.shift()
}

// configuration copies the folder of a container, with its logs. What is mounted there
// while it runs is left out: the engine makes it. Owners stay: the engine sets those of the
// files that the container sees when it starts it (setupMounts of moby's
// daemon/volumes_unix.go).
func (t twin) configuration(ctx context.Context, c Container, live bool) (err error) {
	folder := filepath.Join("containers", c.ID)
	if err := folderAt(filepath.Join(t.To, "containers"), 0o710, 0, t.group()); err != nil {
		return err
	}
	seen, err := OpenSeen(filepath.Join(t.To, notes, c.ID+".seen"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, seen.Close()) }()
	to := filepath.Join(t.To, folder)
	o := Options{Seen: seen, Live: live, PassMounts: true, Workers: t.workers, Progress: t.progress}
	if err := Tree(ctx, filepath.Join(t.From, folder), to, o); err != nil {
		return err
	}
	if live {
		return nil
	}
	return errors.Join(
		folderAt(to, 0o710, 0, t.group()),
		withoutSetID(to),
		t.rewrite(filepath.Join(folder, "config.v2.json"), t.moved),
		t.rewrite(filepath.Join(folder, "hostconfig.json"), t.hostOf(c)),
	)
}

// withoutSetID takes the set-user-ID and set-group-ID bits off the files in a container's
// folder: the container can set them on those that are mounted into it, such as hosts, and
// they belong to root of the host until the engine starts the container.
func withoutSetID(folder string) error {
	for _, name := range names(folder) {
		path := filepath.Join(folder, name)
		info, err := os.Lstat(path)
		if err != nil {
			return err
		}
		if info.Mode().IsRegular() && info.Mode()&(os.ModeSetuid|os.ModeSetgid) != 0 {
			if err := os.Chmod(path, info.Mode().Perm()); err != nil {
				return err
			}
		}
	}
	return nil
}

// object is a JSON object of which some fields are known.
type object = map[string]json.RawMessage

// rewrite edits one of the engine's JSON files in the twin.
func (t twin) rewrite(name string, edit func(object) error) error {
	from, to := filepath.Join(t.From, name), filepath.Join(t.To, name)
	info, err := os.Lstat(from)
	if err != nil {
		return err
	}
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	var o object
	if err := json.Unmarshal(data, &o); err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	if err := edit(o); err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	if data, err = json.Marshal(o); err != nil {
		return err
	}
	return writeFile(to, data, info.Mode().Perm())
}

// moved puts the place of the twin into the paths of a container's config.v2.json that
// lead to its own files and to volumes. Bind mounts stay what they are, also those of the
// old data root.
func (t twin) moved(o object) error {
	for _, key := range []string{"LogPath", "HostnamePath", "HostsPath", "ResolvConfPath"} {
		if err := t.movePath(o, key, "containers"); err != nil {
			return err
		}
	}
	var points map[string]object
	if raw, ok := o["MountPoints"]; !ok || string(raw) == "null" {
		return nil
	} else if err := json.Unmarshal(raw, &points); err != nil {
		return fmt.Errorf("MountPoints: %w", err)
	}
	for _, p := range points {
		var kind string
		if err := json.Unmarshal(p["Type"], &kind); err != nil || kind != "volume" {
			continue
		}
		if err := t.movePath(p, "Source", "volumes"); err != nil {
			return err
		}
	}
	raw, err := json.Marshal(points)
	o["MountPoints"] = raw
	return err
}

// movePath moves a path below a folder of the old data root to where the twin will have it.
func (t twin) movePath(o object, key, folder string) error {
	var path string
	if raw, ok := o[key]; !ok {
		return nil
	} else if err := json.Unmarshal(raw, &path); err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	rest, ok := strings.CutPrefix(path, filepath.Join(t.From, folder)+"/")
	if !ok {
		return nil
	}
	raw, err := json.Marshal(filepath.Join(t.Place, folder, rest))
	o[key] = raw
	return err
}

// hostOf edits a container's hostconfig.json.
func (t twin) hostOf(c Container) func(object) error {
	if t.merges() {
		return t.asBefore(c)
	}
	return c.host
}

// host is that for a remapped engine.
func (c Container) host(o object) error {
	if c.HostUserns {
		o["UsernsMode"] = json.RawMessage(`"host"`)
	}
	if c.Stopped {
		o["RestartPolicy"] = json.RawMessage(`{"Name":"no","MaximumRetryCount":0}`)
	}
	return nil
}

// removeContainer removes a container from the twin.
func (t twin) removeContainer(id string) error {
	record := filepath.Join(t.To, mountStore, id)
	var failed error
	for _, name := range []string{"init-id", "mount-id"} {
		if layer, err := wordIn(filepath.Join(record, name), mountID); err == nil {
			failed = errors.Join(failed, t.removeLayerFiles(layer), removeFile(filepath.Join(t.To, notes, layer+".seen")))
		}
	}
	return errors.Join(failed, os.RemoveAll(filepath.Join(t.To, "containers", id)), removeFile(filepath.Join(t.To, notes, id+".seen")), os.RemoveAll(record))
}

// nameOf is the name of a container of the old data root, or its ID.
func (j Job) nameOf(id string) string {
	var c struct{ Name string }
	data, err := os.ReadFile(filepath.Join(j.From, "containers", id, "config.v2.json"))
	if err != nil || json.Unmarshal(data, &c) != nil || c.Name == "" {
		return id
	}
	return strings.TrimPrefix(c.Name, "/")
}

// layersOfContainer are the names of a container's writable layers at the storage driver.
func (j Job) layersOfContainer(id string) (layers []string, err error) {
	for _, name := range []string{"init-id", "mount-id"} {
		layer, err := j.word(filepath.Join(mountStore, id, name), mountID)
		if err != nil {
			return nil, err
		}
		layers = append(layers, layer)
	}
	return layers, nil
}
