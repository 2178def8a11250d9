package commands

// ownedBySelf refuses nothing: Windows has no root that edits files of others.
func ownedBySelf(string) error { return nil }
