// The messages of a conversation as the user writes them, in a request, a file of prompts or of a
// chat.
#pragma once

#include "base/result.h"
#include "io/json.h"

namespace chitu {

// Checks each message: an object with a "role" that chat templates know and a "content". A content
// in parts, [{"type": "text", "text": "..."}, ...], becomes their texts, joined by line feeds; only
// a message with "tool_calls" needs none. Other fields are left to the chat template. Errors read
// "messages[1]: role: ...".
Result<json::Array> read_messages(const json::Array& messages);

}  // namespace chitu
