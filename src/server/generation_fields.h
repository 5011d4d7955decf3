// The fields that every request that generates has (GenerationFields), read from its body.
#pragma once

#include "server/openai_request.h"
#include "server/request_fields.h"

namespace chitu {

// All but those that a route has in its own way: max_tokens, logprobs. `out` has the defaults.
void read_generation(RequestFields& fields, const RequestLimits& limits, GenerationFields& out);

// Refuses what asks for something that this program does not have: tools, response_format, ...
void refuse_unsupported(RequestFields& fields);

void read_cache_salt(RequestFields& fields, std::string& out);

// max_tokens under one of its names, and min_tokens, which depends on it.
void read_max_tokens(RequestFields& fields, std::string_view key, GenerationFields& out);
void read_min_tokens(RequestFields& fields, GenerationFields& out);

}  // namespace chitu
