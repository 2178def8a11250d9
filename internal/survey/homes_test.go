package survey

import (
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/host"
)

// A home directory is only read if that can neither hang nor mount anything.
func TestHomesThatAreLookedAt(t *testing.T) {
	l := &look{}
	l.seen.Files = map[string]host.Body{
		"/etc/passwd": {Data: []byte("root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\nbob:x:1001:1001::/net/homes/bob:/bin/sh\ncid:x:1002:1002::/auto/cid:/bin/sh\n")},
		mountInfo: {Data: []byte("1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 0:70 / /net/homes rw - nfs4 filer:/homes rw\n" +
			"3 1 0:71 / /auto rw - autofs systemd-1 rw\n4 3 0:72 / /auto/cid rw - nfs4 filer:/cid rw\n")},
	}
	assert.DeepEqual(t, l.nearHomes(), []string{"/home/ann", "/root"})
	assert.Check(t, l.accounts().FarHomes)

	l.seen.Files[mountInfo] = host.Body{Data: []byte("1 0 8:1 / / rw - ext4 /dev/sda1 rw\n")}
	assert.Equal(t, len(l.nearHomes()), 4)
	assert.Check(t, !l.accounts().FarHomes)
	delete(l.seen.Files, mountInfo)
	assert.Equal(t, len(l.nearHomes()), 0)
}
