package e2e

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/testbed"
)

// releases builds the package of two releases, the earlier one first.
var releases = sync.OnceValues(func() (debs []string, err error) {
	if _, err := build(); err != nil { // makes the folder
		return nil, err
	}
	for _, version := range []string{"1.0.0", "1.1.0"} {
		out := filepath.Join(buildDir, version)
		cmd := exec.Command("../../scripts/dist", "linux/"+runtime.GOARCH)
		cmd.Env = append(os.Environ(), "DIST="+out, "VERSION="+version)
		if said, err := cmd.CombinedOutput(); err != nil {
			return nil, errors.New(string(said))
		}
		found, err := filepath.Glob(filepath.Join(out, "*.deb"))
		if err != nil || len(found) != 1 {
			return nil, errors.New("no package of " + version)
		}
		debs = append(debs, found[0])
	}
	return debs, nil
})

// dpkgInstall installs one of the releases on a host.
func dpkgInstall(t *testing.T, host *testbed.Host, release int) {
	t.Helper()
	debs, err := releases()
	assert.NilError(t, err)
	deb, err := os.ReadFile(debs[release])
	assert.NilError(t, err)
	host.WriteFile(t, "/root/plugin.deb", deb, 0o644)
	host.Run(t, "dpkg", "-i", "/root/plugin.deb")
}

// packaged lists the folders that the package has files in.
const packaged = `ls -R /usr/libexec /usr/share/bash-completion /usr/share/man/man1 /usr/share/docker-userns /usr/lib/systemd/system /etc/systemd/system 2>/dev/null || true`

// The package is installed, used, upgraded and removed, and nothing of it stays.
func TestPackage(t *testing.T) {
	eachEngine(t, func(t *testing.T, host *testbed.Host) {
		before := host.Shell(t, packaged)
		dpkgInstall(t, host, 0)
		for _, name := range []string{"docker userns", "docker-userns"} {
			version := host.Shell(t, name+" --version")
			assert.Check(t, strings.HasPrefix(version, "docker userns version 1.0.0, commit "), version)
		}
		a := ask(t, host.Command("docker", "userns", "check", "--format", "{{.ID}} {{.Status}}"))
		assert.Check(t, strings.Contains(a.stdout, "daemon-answers ok\n") && strings.Contains(a.stdout, "host-access ok\n"), a.stdout+a.stderr)
		dpkgInstall(t, host, 1)
		version := host.Shell(t, "docker userns --version")
		assert.Check(t, strings.HasPrefix(version, "docker userns version 1.1.0, commit "), version)
		host.Run(t, "dpkg", "--remove", "docker-userns-plugin")
		a = ask(t, host.Command("docker", "userns", "check"))
		assert.Check(t, a.code != 0, a.stdout)
		assert.Equal(t, host.Shell(t, packaged), before)
	})
}

// The rollback needs nothing of the package: it works if that is upgraded or removed
// while a change is armed, and the program dies then.
func TestPackageOfAnArmedChange(t *testing.T) {
	for name, act := range map[string]func(t *testing.T, host *testbed.Host){
		"upgraded": func(t *testing.T, host *testbed.Host) { dpkgInstall(t, host, 1) },
		"removed":  func(t *testing.T, host *testbed.Host) { host.Run(t, "dpkg", "--purge", "docker-userns-plugin") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			host := boot(t, testbed.Engine28)
			inUse(t, host)
			dpkgInstall(t, host, 0)
			oldFiles, oldEngine := files(t, host), engine(t, host)
			c := beginBy(t, host.Command("docker", "userns", "enable", "--yes", "--stable=0s", "--soak=5m", "--confirm-timeout=30s"))
			c.await("Prove it")
			soaking(t, host)
			act(t, host)
			killAll(t, c.cmd.Process.Pid)
			eventually(t, host, "undone")
			host.Run(t, "systemctl", "daemon-reload") // the package had systemd read the units that were there then
			assert.Equal(t, files(t, host), oldFiles)
			assert.Equal(t, engine(t, host), oldEngine)
			settled(t, host)
		})
	}
}
