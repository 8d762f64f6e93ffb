//! What a caller writes: optional members, numbers and escapes that a splice must leave alone.

use protocol::Wire;

use crate::dice::Dice;

/// The members of a body.
pub(super) struct Draft {
    pub(super) members: Vec<String>,
    /// What the caller's own last message begins the answer with.
    pub(super) begun: &'static str,
    pub(super) continuable: bool,
}

/// Members that no wire knows.
const UNKNOWN: [&str; 2] =
    [r#""x_unknown":[1,{"a":null},"\u00e9\/"]"#, r#""metadata" : {"user_id":"u-1","n":1.0e0}"#];

impl Draft {
    /// A body of the Messages or the Chat Completions wire.
    pub(super) fn messages(wire: Wire, model: &str, takes_prefill: bool, dice: &mut Dice) -> Self {
        let mut members = vec![format!(r#""model":"{model}""#)];
        let begun = if takes_prefill && dice.percent(8) { "Once upon a" } else { "" };
        members.push(format!(r#""messages":{}"#, messages(begun, dice)));
        if wire == Wire::AnthropicMessages || dice.percent(40) {
            let name = if wire == Wire::OpenAiChat && dice.percent(50) {
                "max_completion_tokens"
            } else {
                "max_tokens"
            };
            members.push(format!(r#""{name}": {}"#, 4096));
        }
        let optional = [
            r#""temperature":0.70"#,
            r#""metadata" : {"user_id":"u-1","n":1.0e0}"#,
            r#""x_unknown":[1,{"a":null},"\u00e9\/"]"#,
            r#""tools":[{"name":"f","description":"d","input_schema":{"type":"object"}}]"#,
            r#""tool_choice":{"type":"auto"}"#,
            r#""stream":true"#,
            r#""stream":false"#,
        ];
        for (at, member) in optional.iter().enumerate() {
            let twice = at == 6 && members.iter().any(|have| have.starts_with(r#""stream""#));
            if dice.percent(30) && !twice {
                members.push((*member).to_owned());
            }
        }
        if wire == Wire::AnthropicMessages && dice.percent(50) {
            members.push(r#""system":[{"type":"text","text":"Be brief.","cache_control":{"type":"ephemeral"}}]"#.to_owned());
        }
        if wire == Wire::OpenAiChat && dice.percent(30) {
            members.push(r#""stream_options":{"include_usage":true}"#.to_owned());
        }
        let continuable = !dice.percent(3);
        if !continuable {
            let name = if wire == Wire::OpenAiChat { "response_format" } else { "output_format" };
            members.push(format!(r#""{name}":{{"type":"json_schema","schema":{{}}}}"#));
        }
        Draft { members, begun, continuable }
    }

    /// A body of the Responses wire; `background` where the caller asks for that itself.
    pub(super) fn responses(model: &str, background: bool, dice: &mut Dice) -> Self {
        let mut members = vec![format!(r#""model":"{model}""#)];
        members.push(match dice.below(3) {
            0 => r#""input":"Write, \u0070lease.""#.to_owned(),
            1 => r#""input" : [{"role":"user","content":"Write, please."}]"#.to_owned(),
            _ => r#""input":[{"role":"user","content":"Hi"},{"type":"message","role":"assistant","content":[{"type":"output_text","text":"Hello «you»"}]},{"type":"message","role":"user","content":[{"type":"input_text","text":"Write!"}]}]"#.to_owned(),
        });
        let optional = [
            UNKNOWN[0],
            UNKNOWN[1],
            r#""max_output_tokens": 4096"#,
            r#""temperature":0.70"#,
            r#""instructions":"Be brief.""#,
            r#""tools":[{"type":"function","name":"f","parameters":{"type":"object"}}]"#,
            r#""tool_choice":"auto""#,
            r#""text":{"format":{"type":"text"}}"#,
            r#""stream":true"#,
        ];
        optional.iter().filter(|_| dice.percent(30)).for_each(|it| members.push((*it).to_owned()));
        if background {
            members.push(r#""background": true"#.to_owned());
        }
        let continuable = !dice.percent(3);
        if !continuable {
            members.retain(|member| !member.starts_with(r#""text""#));
            members.push(r#""text":{"format":{"type":"json_schema","schema":{}}}"#.to_owned());
        }
        Self { members, begun: "", continuable }
    }

    /// A body of Gemini's wire.
    pub(super) fn gemini(model: &str, dice: &mut Dice) -> Self {
        let mut members = vec![format!(r#""model":"{model}""#)];
        let before = if dice.percent(20) {
            r#"{"role":"user","parts":[{"text":"Hi"}]},{"role":"model","parts":[{"text":"Hello «you»"}]},"#
        } else {
            ""
        };
        let last = dice.pick(&[
            r#"{"role":"user","parts":[{"text":"Write, please."}]}"#,
            r#"{"parts":[{"text":"Write, \u0070lease."},{"text":" Now."}],"role":"user"}"#,
        ]);
        members.push(format!(r#""contents": [{before}{last}]"#));
        let optional = [
            UNKNOWN[0],
            UNKNOWN[1],
            r#""systemInstruction":{"parts":[{"text":"Be brief."}]}"#,
            r#""tools":[{"functionDeclarations":[{"name":"f"}]}]"#,
            r#""toolConfig":{"functionCallingConfig":{"mode":"AUTO"}}"#,
            r#""safetySettings":[{"category":"C","threshold":"BLOCK_NONE"}]"#,
        ];
        optional.iter().filter(|_| dice.percent(30)).for_each(|it| members.push((*it).to_owned()));
        let continuable = !dice.percent(3);
        let mut settings = Vec::new();
        for setting in [r#""maxOutputTokens": 4096"#, r#""temperature": 0.70"#, r#""topK":40"#] {
            if dice.percent(40) {
                settings.push(setting);
            }
        }
        if !continuable {
            settings.push(r#""responseMimeType":"application/json""#);
        }
        if !settings.is_empty() || dice.percent(20) {
            members.push(format!(r#""generationConfig":{{{}}}"#, settings.join(", ")));
        }
        Self { members, begun: "", continuable }
    }
}

fn messages(begun: &str, dice: &mut Dice) -> String {
    let mut messages = Vec::new();
    if dice.percent(20) {
        messages.push(
            r#"{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello «you»"}"#
                .to_owned(),
        );
    }
    messages.push(if dice.percent(50) {
        r#"{"role":"user","content":"Write, please."}"#.to_owned()
    } else {
        r#"{"content":[{"type":"text","text":"Write, \u0070lease.","cache_control":{"type":"ephemeral"}}],"role":"user"}"#.to_owned()
    });
    if !begun.is_empty() {
        messages.push(format!(r#"{{"role":"assistant","content":"{begun}"}}"#));
    }
    format!("[{}]", messages.join(","))
}
