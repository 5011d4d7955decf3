// `chitu serve`: the model behind an HTTP API that OpenAI's clients speak.
#include <csignal>

#include "app/commands.h"
#include "app/open_files.h"
#include "app/server_program.h"

namespace chitu::app {
namespace {

Result<int> serve(const Invocation& invocation) {
  // Who reads standard error or the access log may go away.
  (void)std::signal(SIGPIPE, SIG_IGN);
  allow_many_files();  // serve.max_connections may be more than the usual soft limit of 1,024
  ServerProgram program(invocation.environment, invocation.settings);
  TRY_STATUS(program.run());
  return kExitOk;
}

}  // namespace

const Command kServeCommand{
    .name = "serve",
    .summary = "Serve a model over HTTP, as OpenAI's API",
    .synopsis = "[key=value ...]",
    .takes_settings = true,
    .examples =
        "chitu serve\n"
        "chitu serve models=/path/to/checkpoint serve.port=8000\n"
        "chitu serve serve.host=0.0.0.0 serve.api_keys=some-long-key infer.max_reqs=32\n"
        "curl http://127.0.0.1:21002/v1/models",
    .run = serve,
};

}  // namespace chitu::app
