package shell

// clientCommands talk to other programs over the network, as their namesakes do.
var clientCommands = []*Command{ncCommand, curlCommand, httpdCommand, digCommand, nslookupCommand, dnsdCommand}
