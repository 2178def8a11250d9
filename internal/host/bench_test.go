//go:build linux

package host

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/host/hosttest"
)

// BenchmarkReadFiles reads over ssh what an audit does: the records of many
// layers, most of them small.
func BenchmarkReadFiles(b *testing.B) {
	for _, c := range []struct{ count, size int }{{800, 2 << 10}, {800, 40 << 10}, {20, 5 << 20}} {
		b.Run(fmt.Sprintf("%d files of %d KiB", c.count, c.size>>10), func(b *testing.B) {
			names := make([]string, c.count)
			for i := range names {
				names[i] = filepath.Join(b.TempDir(), "file")
				assert.NilError(b, os.WriteFile(names[i], make([]byte, c.size), 0o600))
			}
			h, err := newSSH(filepath.Join(hosttest.SSHD(b).Bin, "ssh"), hosttest.Endpoint)
			assert.NilError(b, err)
			defer h.Close()
			assert.NilError(b, h.Root(b.Context()))
			b.SetBytes(int64(c.count * c.size))
			for b.Loop() {
				assert.NilError(b, h.ReadFiles(b.Context(), paths(names), func(_ Path, body io.Reader, err error) error {
					if err == nil {
						_, err = io.Copy(io.Discard, body)
					}
					return err
				}))
			}
		})
	}
}
