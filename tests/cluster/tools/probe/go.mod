// The one image that the cluster brings along; needs nothing but Go itself.
module kivi.dev/tools/probe

go 1.24.0
