package check

import (
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/survey"
)

func storage(change func(*survey.Storage)) func(*survey.Facts, *Options) {
	return func(f *survey.Facts, _ *Options) {
		withAccount(f, good)
		f.Containers.Value = []survey.Container{{Name: "a", ImageID: "sha256:1"}, {Name: "b", ImageID: "sha256:1"}}
		change(&f.Storage.Value)
	}
}

func noStorage(f *survey.Facts, _ *Options) { f.Storage = survey.Read[survey.Storage]{Err: errTest} }

func above(path string, mode int, uid, gid int64) func(*survey.Facts, *Options) {
	return storage(func(s *survey.Storage) {
		s.Path.Parents = append(s.Path.Parents, dirs(path, mode)...)
		last := &s.Path.Parents[len(s.Path.Parents)-1]
		last.Stat.UID, last.Stat.GID = uid, gid
	})
}

var storageCases = []testCase{
	{"data-root-path", "open", asFound, OK, "/var/lib/docker"},
	{"data-root-path", "0700", above("/srv/x", 0o700, 0, 0), Error, "the mapped root cannot reach /var/lib/docker"},
	{"data-root-path", "0700 of the mapped root", above("/srv/x", 0o700, 165536, 0), OK, ""},
	{"data-root-path", "0710 of the mapped group", above("/srv/x", 0o710, 0, 165536), OK, ""},
	{"data-root-path", "/ itself does not count", storage(func(s *survey.Storage) { s.Path.Parents[0].Stat.Mode = 0o700 }), OK, ""},
	{"data-root-path", "unread", noStorage, Unknown, ""},
	{"data-root-path", "a parent unread", storage(func(s *survey.Storage) { s.Path.Parents[1].Stat = host.Stat{Err: errTest} }), Unknown, ""},
	{"data-root-path", "no map", noSubUID, Unknown, ""},
	{"data-root-space", "enough", storage(func(*survey.Storage) {}), OK, "1 image in use takes 50MB"},
	{"data-root-space", "short", func(f *survey.Facts, o *Options) {
		storage(func(s *survey.Storage) { s.Space.Free = 4e9 })(f, o)
		f.Images.Value[0].Size = 5e9
	}, Warning, "may fill"},
	{"data-root-space", "a file system that does not say", storage(func(s *survey.Storage) { s.Space = host.Space{Type: "0x65735546"} }), Unknown, "0x65735546"},
	{"data-root-space", "full", storage(func(s *survey.Storage) { s.Space.Free = 0 }), Error, "the file system is full"},
	{"data-root-space", "full, with no image in use", func(f *survey.Facts, _ *Options) { f.Storage.Value.Space.Free = 99e6 }, Error, "0 images in use"},
	{"data-root-space", "nearly full", storage(func(s *survey.Storage) { s.Space.Free = 1e9 }), Warning, "leaves little for what containers write"},
	{"data-root-space", "a little more", storage(func(s *survey.Storage) { s.Space.Free = 1.05e9 }), OK, ""},
	{"data-root-space", "on", isOn, Skipped, ""},
	{"data-root-space", "unread", noStorage, Unknown, ""},
	{"data-root-space", "no space", storage(func(s *survey.Storage) { s.Space.Err = errTest }), Unknown, ""},
	{"data-root-space", "no images", func(f *survey.Facts, _ *Options) { f.Images.Err = errTest }, Unknown, ""},
	{"data-root-space", "no containers", func(f *survey.Facts, _ *Options) { f.Containers.Err = errTest }, Unknown, ""},
	{"data-root-inodes", "enough", storage(func(*survey.Storage) {}), OK, ""},
	{"data-root-inodes", "btrfs", storage(func(s *survey.Storage) { s.Space = host.Space{Type: "btrfs", Bytes: 1e9, Free: 1e9} }), OK, "btrfs"},
	{"data-root-inodes", "short", storage(func(s *survey.Storage) { s.Space.FreeInodes = 8000 }), Warning, "8000 inodes"},
	{"data-root-inodes", "none", storage(func(s *survey.Storage) { s.Space.FreeInodes = 0 }), Error, "0 free inodes left in /var/lib/docker"},
	{"data-root-inodes", "unread", noStorage, Unknown, ""},
	{"data-root-trees", "none", asFound, OK, "none"},
	{"data-root-trees", "other", storage(func(s *survey.Storage) { s.Trees = []survey.Tree{{Name: "5.5", Images: 2}} }), OK, "1 data root of an earlier remap, unused"},
	{"data-root-trees", "the same", storage(func(s *survey.Storage) { s.Trees = []survey.Tree{{Name: "165536.165536", Images: 2}} }), Warning, "come back"},
	{"data-root-trees", "on", isOn, OK, "none"},
	{"data-root-trees", "unread", noStorage, Unknown, ""},
}

// No command opens a directory of a user or of the system; what to do
// instead is said.
func TestDataRootPathFix(t *testing.T) {
	at := func(dirs ...survey.Parent) Result {
		return one(t, "data-root-path", storage(func(s *survey.Storage) {
			s.DataRoot, s.Current, s.Path.Parents = "/srv/x/docker", "/srv/x/docker", dirs
		}), func(f *survey.Facts, _ *Options) {
			f.Accounts.Value.Users = append(f.Accounts.Value.Users, survey.Entry{Name: "zoe", ID: 1001, Home: "/srv/zoe"})
		})
	}
	r := at(dirs("/", 0o755, "/srv", 0o755, "/srv/x", 0o700)...)
	assert.Equal(t, r.Status, Error)
	assert.DeepEqual(t, r.Fix, []string{"sudo chmod o+x -- /srv/x"})
	for _, parents := range [][]survey.Parent{
		dirs("/", 0o755, "/home", 0o755, "/home/alice", 0o700), dirs("/", 0o755, "/root", 0o700), dirs("/", 0o755, "/srv", 0o755, "/srv/zoe", 0o700),
		dirs("/", 0o755, "/var", 0o700), dirs("/", 0o755, "/srv", 0o777, "/srv/x", 0o700),
	} {
		r := at(parents...)
		assert.Equal(t, r.Status, Error)
		assert.Equal(t, len(r.Fix), 0, "%v", r.Fix)
	}
}
