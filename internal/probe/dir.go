package probe

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/docker-userns/docker-userns/internal/host"
)

// dirParent is where directories for bind mounts are made. /tmp is another one
// for a dockerd whose unit has PrivateTmp, and a path that the remapped root may
// not traverse is refused by runc before 1.1.
const dirParent = "/var/lib"

// makeDirScript makes a directory $1 that user $2, group $3 owns and everyone may
// write into, as /tmp is. With SELinux it gets the label that containers may write.
const makeDirScript = `mkdir -m 0700 -- "$1" && chown "$2:$3" "$1" && chmod 1777 "$1" || { rmdir -- "$1"; exit 1; }
chcon -t container_file_t "$1" 2>/dev/null || :`

// makeDir makes a directory on the host that belongs to the container's root, or
// says why there is none.
func (p *Probe) makeDir(ctx context.Context) (string, error) {
	if err := p.Host.Root(ctx); err != nil {
		return "", err
	}
	uid, gid := expected(p.Map, 0, 0)
	if uid < 0 || gid < 0 {
		return "", errors.New("making a directory on the host: the ID map does not map root")
	}
	dir := dirParent + "/" + dirName(thisProcess())
	longer, cancel := lasting(ctx)
	defer cancel()
	got, err := p.Host.Run(longer, host.Command{Args: []string{"sh", "-c", makeDirScript, "sh", dir, fmt.Sprint(uid), fmt.Sprint(gid)}})
	if err == nil && got.Code != 0 {
		err = errors.New(string(got.Stderr))
	}
	if err != nil {
		return "", fmt.Errorf("making %s on the host: %w", dir, err)
	}
	return dir, nil
}

// removeDirScript removes directories that every user of the host may write into.
// While rm of busybox goes down into a folder, its owner can put a link in its place,
// and have files deleted anywhere; so it is given no folder to go down into. A probe
// makes none: if somebody else did, the directory stays.
const removeDirScript = `rm --one-file-system --version >/dev/null 2>&1 && exec rm -rf --one-file-system -- "$@"
for d do
	rm -f -- "$d"/* "$d"/.[!.]*
	rmdir -- "$d"
done`

// removeDir removes directories that makeDir made.
func (p *Probe) removeDir(dirs ...string) {
	if len(dirs) == 0 || dirs[0] == "" {
		return
	}
	ctx, cancel := p.cleaning()
	defer cancel()
	_, _ = p.Host.Run(ctx, host.Command{Args: append([]string{"sh", "-c", removeDirScript, "sh"}, dirs...)})
}

// sweepDirs removes the directories of processes that have ended.
func (p *Probe) sweepDirs(ctx context.Context) {
	if p.Host.Root(ctx) != nil {
		return
	}
	found, err := p.Host.Look(ctx, host.Questions{Dirs: []string{dirParent}})
	if err != nil {
		return
	}
	var old []string
	for _, name := range found.Dirs[dirParent].Names {
		if owner, ok := dirMaker(name); ok && leftBehind(owner, time.Now(), time.Now()) {
			old = append(old, dirParent+"/"+name)
		}
	}
	p.removeDir(old...)
}

// dirName writes an owner as the name of a directory: no blank, no slash.
func dirName(owner string) string {
	return Name + "." + strings.NewReplacer("/", "+", " ", ",").Replace(owner) + "." + token()
}

// dirMaker is whose directory it is, if it is one of a probe.
func dirMaker(name string) (string, bool) {
	parts := dirNames.FindStringSubmatch(name)
	if parts == nil {
		return "", false
	}
	return strings.NewReplacer("+", "/", ",", " ").Replace(parts[1]), true
}

var dirNames = regexp.MustCompile(`^` + regexp.QuoteMeta(Name) + `\.([0-9a-f+-]*,[0-9]+,[0-9]*)\.[0-9a-f]{12}$`)
