package layercache

import (
	"fmt"
	"io"
	"os"
	"time"
)

// settled is how long ago a file must have been changed last. What changes it again within
// the same tick of a file system's clock, of which the longest is FAT's, would not be seen.
const settled = 2 * time.Second

// Extent names n bytes of a file from off on, as they are now: if anybody writes to the file,
// the name is another one afterwards. It is "" for what is no file, or changed
// just now, and on systems that do not tell when.
func Extent(r io.ReaderAt, off, n int64) string {
	f, ok := r.(*os.File)
	if !ok {
		return ""
	}
	info, err := f.Stat()
	if err != nil {
		return ""
	}
	id, changed := identity(info)
	if id == "" || time.Since(changed) < settled || time.Since(info.ModTime()) < settled {
		return ""
	}
	return fmt.Sprintf("file\x00%s\x00%d\x00%d\x00%d\x00%d\x00%d", id, info.Size(), info.ModTime().UnixNano(), changed.UnixNano(), off, n)
}
