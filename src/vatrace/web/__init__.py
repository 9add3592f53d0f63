"""The page on this machine: a small server for one person, that trusts neither the files nor other web sites.

- `serve`: the command; `app`: the routes; `guard`: who may ask; `protocol`: how long a request may take to arrive;
- `uploads`: a clip comes in; `shelf`: the clips that are there, and their files; `ranges`: a clip is played;
- `jobs`: clips wait for a process that reads them; `worker`: that process; `confine`: what it cannot do.

The server itself decodes nothing: a file that was sent is only opened in a process that may be ended at any time.
"""
