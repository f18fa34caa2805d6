//! How a request ended, in one word.

macro_rules! end_reasons {
    ($($(#[$default:meta])? $variant:ident = $word:literal $help:literal;)*) => {
        /// `ostia.end`: how a request ended. A closed list: dashboards and people rely on the words.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
        pub enum EndReason {
            $(#[doc = $help] $(#[$default])? $variant,)*
        }

        impl EndReason {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The word.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// What the word says.
            #[must_use]
            pub fn help(self) -> &'static str {
                match self { $(Self::$variant => $help,)* }
            }
        }
    };
}

end_reasons! {
    #[default] Done = "done" "A server's answer went out whole.";
    Answered = "answered" "Ostia answered: a page of its own, a redirect of the listener.";
    Login = "login" "Ostia sent the browser to sign in, or took part in a sign-in or sign-out.";
    Denied = "denied" "The caller may not enter.";
    BadRequest = "bad_request" "The request cannot be understood.";
    TooLarge = "too_large" "The head or the body is larger than the limit.";
    ClientGone = "client_gone" "The client went away.";
    ClientTimeout = "client_timeout" "The client was too slow.";
    NoServer = "no_server" "No server of the upstream is left.";
    UpstreamRefused = "upstream_refused" "The server did not take the connection.";
    UpstreamTimeout = "upstream_timeout" "The server was too slow.";
    UpstreamReset = "upstream_reset" "The server broke off, or its answer was no HTTP.";
    SessionEnded = "session_ended" "The session ended, and the open answer with it: a WebSocket, an event stream, a gRPC call.";
    Internal = "internal" "Ostia's own fault; look for it in the error log.";
}
