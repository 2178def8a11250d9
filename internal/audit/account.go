package audit

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"

	"github.com/docker-userns/docker-userns/internal/image"
	"github.com/docker-userns/docker-userns/internal/tarwalk"
)

// maxAccounts is how much of a passwd or group file is read, in bytes.
const maxAccounts = 1 << 20

// accountFile is /etc/passwd or /etc/group as one layer leaves it.
type accountFile struct {
	data    []byte
	present bool   // the layer has the file
	cut     bool   // the layer removes that of the layers below
	unread  string // why its lines are unknown, "" if they are known
}

// account takes note of an entry that makes or removes /etc/passwd or /etc/group.
func (w *walk) account(name []byte, h *tarwalk.Header, body io.Reader) error {
	if len(name) > len("etc/.wh..wh..opq") || len(name) < len("etc") {
		return nil
	}
	passwd, group := &w.facts.passwd, &w.facts.group
	switch string(name) {
	case "etc/passwd":
		return passwd.read(h, body)
	case "etc/group":
		return group.read(h, body)
	case "etc/.wh.passwd":
		passwd.cut = true
	case "etc/.wh.group":
		group.cut = true
	case ".wh.etc", ".wh..wh..opq", "etc/.wh..wh..opq":
		passwd.cut, group.cut = true, true
	case "etc":
		if h.Type != tar.TypeDir {
			why := fmt.Sprintf("/etc is a %s", kindOf(h.Type))
			passwd.unread, group.unread = why, why
		}
	}
	return nil
}

func (f *accountFile) read(h *tarwalk.Header, body io.Reader) error {
	*f = accountFile{present: true, cut: f.cut}
	switch {
	case h.Type != tar.TypeReg:
		f.unread = fmt.Sprintf("/%s is a %s", bytes.TrimLeft(h.Name, "./"), kindOf(h.Type))
		return nil
	case h.Size > maxAccounts:
		f.unread = fmt.Sprintf("/%s is larger than 1 MiB", bytes.TrimLeft(h.Name, "./"))
		return nil
	}
	name, size := string(bytes.TrimLeft(h.Name, "./")), h.Size
	data, err := io.ReadAll(io.LimitReader(body, size))
	if err != nil {
		return fmt.Errorf("reading %s: %w", name, err)
	}
	if int64(len(data)) < size {
		f.unread = fmt.Sprintf("the content of /%s is not at hand", name)
	}
	f.data = data
	return nil
}

func kindOf(flag byte) string {
	switch flag {
	case tar.TypeSymlink:
		return "symbolic link"
	case tar.TypeLink:
		return "hard link"
	case tar.TypeDir:
		return "directory"
	}
	return "special file"
}

// Accounts are the passwd and the group of an image that was visited, as its topmost
// layers leave them; ok is false if they are unknown. An image may lack either.
func (a *Auditor) Accounts(img image.Image) (passwd, group string, ok bool) {
	layers := a.of(img)
	users, _ := final(layers, passwdOf)
	groups, _ := final(layers, groupOf)
	return string(users.data), string(groups.data), users.unread == "" && groups.unread == ""
}

// final is the file of the topmost layer that has it, and that layer's index;
// -1 if the image has none.
func final(layers []*facts, of func(*facts) *accountFile) (*accountFile, int) {
	for i := len(layers) - 1; i >= 0; i-- {
		f := of(layers[i])
		if f.present || f.unread != "" {
			return f, i
		}
		if f.cut {
			break
		}
	}
	return &accountFile{}, -1
}
