package check

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/docker-userns/docker-userns/internal/daemonjson"
	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/report"
)

var configChecks = []Check{
	{Question: Question{ID: "config-file", Category: catConfig, Title: "daemon.json is a regular file, or does not exist"}, Vital: true, Needs: []string{"service-config"}, Run: configFile},
	{Question: Question{ID: "config-owner", Category: catConfig, Title: "Only root can write daemon.json"}, Needs: []string{"config-file"}, Run: configOwner},
	{Question: Question{ID: "config-json", Category: catConfig, Title: "daemon.json is JSON as dockerd reads it"}, Needs: []string{"config-file"}, Run: configJSON},
	{Question: Question{ID: "config-keys", Category: catConfig, Title: "No key of daemon.json conflicts with remap"}, Needs: []string{"config-file", "config-json"}, Run: configKeys},
	{Question: Question{ID: "config-flags", Category: catConfig, Title: "No key of daemon.json is also given as a flag"}, Needs: []string{"config-file", "config-json"}, Run: configFlags},
	{Question: Question{ID: "config-remap", Category: catConfig, Title: "The engine does what is set for userns-remap"}, Needs: []string{"config-file", "config-json"}, Run: configRemap},
}

func configFile(in *Input) Result {
	c, path := in.Config.Value, in.ConfigPath()
	switch err := in.Config.Err; {
	case errors.Is(err, fs.ErrNotExist) && in.Start.Value.ConfigGiven:
		return fail("%s, given by --config-file, does not exist, so dockerd does not start", path)
	case errors.Is(err, fs.ErrNotExist):
		return pass("%s does not exist: dockerd runs on its flags and defaults", path)
	case errors.Is(err, host.ErrNotRegular):
		return fail("%s is %s, not a file", path, kindOf(c.Stat.Mode))
	case err != nil:
		return unread(path, err)
	case c.Link != "":
		return fail("%s is a symbolic link to %s, which a new file would replace; make the change where the file is managed", path, c.Link)
	case c.Truncated:
		return fail("%s: %v", path, daemonjson.ErrTooLarge)
	case c.Stat.Immutable:
		return fail("%s is immutable (chattr), so it cannot be changed", path).Fixed(command("sudo", "chattr", "-i", "-a", "--", path))
	case c.Parent.Immutable:
		return fail("the directory of %s is immutable (chattr), so the file cannot be replaced", path)
	}
	return pass("%s", path)
}

func kindOf(m fs.FileMode) string {
	switch {
	case m.IsDir():
		return "a directory"
	case m&fs.ModeNamedPipe != 0:
		return "a fifo"
	case m&fs.ModeSocket != 0:
		return "a socket"
	case m&fs.ModeDevice != 0:
		return "a device"
	}
	return "something else"
}

func configOwner(in *Input) Result {
	s, path := in.Config.Value.Stat, in.ConfigPath()
	switch {
	case errors.Is(in.Config.Err, fs.ErrNotExist):
		return pass("%s does not exist", path)
	case in.Config.Err != nil:
		return unread("the owner of "+path, in.Config.Err)
	case s.Err != nil:
		return unread("the owner of "+path, s.Err)
	case s.UID != 0:
		return warn("%s belongs to UID %d, which can become root by changing it", path, s.UID).Fixed(command("sudo", "chown", "root:root", "--", path))
	case s.Mode.Perm()&0o022 != 0:
		return warn("%s has mode %04o: users other than root can change it, and become root that way", path, s.Mode.Perm()).Fixed(command("sudo", "chmod", "go-w", "--", path))
	}
	return pass("it belongs to root, mode %04o", s.Mode.Perm())
}

func configJSON(in *Input) Result {
	path := in.ConfigPath()
	var place *daemonjson.Error
	switch {
	case errors.Is(in.Config.Err, fs.ErrNotExist):
		return pass("%s does not exist", path)
	case in.Config.Err != nil:
		return unread(path, in.Config.Err)
	}
	if in.versionKnown {
		if refusal := daemonjson.Refusal(in.version[0], in.Config.Value.Data); refusal != nil {
			r := fail("Docker %s does not start with %s: %v", in.Engine.Value.Version, path, refusal)
			if errors.As(in.configErr, &place) {
				r.Message += "; " + place.Error()
			}
			return r
		}
	}
	switch {
	case errors.As(in.configErr, &place):
		return fail("%s, %v", path, place)
	case in.configErr != nil:
		return fail("%s: %v", path, in.configErr)
	case len(in.config.Keys()) == 0:
		return pass("%s sets nothing", path)
	}
	return pass("%s sets %s", path, strings.Join(in.config.Keys(), ", "))
}

// unparsed answers for a check that looks at keys where none can be seen.
func (in *Input) unparsed() (Result, bool) {
	if in.configErr != nil {
		return unread("the keys of "+in.ConfigPath(), in.configErr), true
	}
	return Result{}, false
}

// configKeys: dockerd matches keys by their exact letters and refuses to start
// with others; Docker 29 refuses remap together with settings of the containerd store.
func configKeys(in *Input) Result {
	if r, bad := in.unparsed(); bad {
		return r
	}
	path := in.ConfigPath()
	for _, key := range in.config.Keys() {
		if key != "userns-remap" && strings.EqualFold(key, "userns-remap") {
			return fail("%s has the key %q, with which dockerd does not start; write \"userns-remap\"", path, key)
		}
	}
	if raw, ok := in.config.Get("userns-remap"); ok {
		if _, text := in.config.String("userns-remap"); !text {
			return fail("%s sets userns-remap to %.40s, which is not a string", path, raw)
		}
	}
	driver, from := in.Setting("storage-driver")
	snapshotter := driver != "" && !slices.Contains(graphDrivers, driver)
	store, set := in.feature("containerd-snapshotter")
	migrates, where := in.feature("containerd-migration")
	switch {
	case !in.versionKnown && (store || snapshotter):
		return unsure("%s asks for the containerd image store; whether that conflicts with remap depends on the engine's version, which is unknown", cmp.Or(set, from))
	case store && in.version.AtLeast(29):
		return fail("%s turns on containerd-snapshotter: Docker 29 does not start with that and remap; remove it", set)
	case snapshotter && in.version.AtLeast(29):
		return fail("%s sets the storage driver %q, which is a snapshotter of containerd: Docker 29 does not start with that and remap; set overlay2", from, driver)
	case migrates && (in.version.AtLeast(29) || !in.versionKnown):
		return fail("%s turns on containerd-migration: Docker 29 then uses the containerd image store under remap, where builds fail and images are not checked; remove it", where)
	}
	return pass("none")
}

// graphDrivers are those of dockerd 20.10 to 29. Docker 29 takes any other name for a
// snapshotter of containerd.
var graphDrivers = []string{"overlay2", "btrfs", "zfs", "vfs", "fuse-overlayfs", "aufs", "devicemapper", "overlay"}

func configFlags(in *Input) Result {
	if r, bad := in.unparsed(); bad {
		return r
	}
	keys := in.config.Keys()
	if !in.flagsKnown() && len(in.flags()) == 0 {
		return unread("the flags of dockerd", in.Start.Err)
	}
	r := Result{}
	for _, f := range in.flags() {
		if slices.Contains(keys, keyOf(f.Name)) {
			r = r.With(Detail{Name: keyOf(f.Name), Note: "also given as " + in.given(f)})
		}
	}
	if len(r.Details) > 0 {
		r.Status, r.Message = Error, fmt.Sprintf("%s, so dockerd does not start; remove one of the two", report.Counted(len(r.Details), "setting is in daemon.json and also given as a flag", "settings are in daemon.json and also given as flags"))
		return r
	}
	if !in.flagsKnown() {
		return unread("the flags that dockerd will be started with", in.Start.Err)
	}
	return pass("none of %s", count(len(keys), "key"))
}

// configRemap compares what is set with what the engine does, since the file is
// read at the start only.
func configRemap(in *Input) Result {
	remapped, known := in.Remapped()
	bad, unparsed := in.unparsed()
	fresh := in.remap.Value == "default" && in.Accounts.Err == nil && !in.remap.Account.Exists()
	switch {
	case unparsed && in.remap.Value == "":
		return bad
	case fresh && in.versionKnown && in.version.AtLeast(28):
		return fail("%s sets %q, but there is no account dockremap: Docker 28 and later creates it with a range that may belong to another user; name an account that has its own range", in.remap.Origin, in.remap.Value)
	case !known && in.remap.Value == "":
		return unread("whether the engine remaps, which "+in.ConfigPath()+" does not set", in.Engine.Err)
	case !known:
		return pass("%s sets %q", in.remap.Origin, in.remap.Value)
	case remapped && in.remap.Value == "" && !in.flagsKnown():
		return unsure("the engine remaps, but %s does not set it and the flags of dockerd are unknown", in.ConfigPath())
	case remapped && in.remap.Value == "":
		return fail("the engine remaps, but neither %s nor a flag sets it any more: after a restart remap would be off", in.ConfigPath())
	case remapped:
		return pass("the engine remaps, as set by %s (%q)", in.remap.Origin, in.remap.Value)
	case in.remap.Value != "":
		return fail("%s sets %q, but the engine does not remap: the next restart would turn remap on without any protection; remove it until the other checks pass", in.remap.Origin, in.remap.Value)
	}
	return pass("not set, and the engine does not remap")
}
